#pragma once

#include <optional>
#include <string>
#include <vector>

#include "manul/data/image/image.h"
#include "manul/data/image/pixels.h"
#include "manul/models/graph/model.h"

namespace manul {

/// What a user may say of a model; what is not said comes from its file, or is as in the article.
struct ClassifierOptions {
  std::string model;                     // the file
  std::optional<double> rescale;         // factor of the pixels
  std::optional<double> offset;          // added after it
  std::string interpolation;             // of the resizing
  std::vector<std::string> class_names;  // in the order of the outputs
  std::string output;                    // name of the output's layer, where there are several
  bool from_logits = false;              // the outputs are logits
};

/// A model of pictures with one number a class, and what pictures must be made into for it.
class Classifier {
 public:
  /// Throws ErrorKind::model_file for a model that is none, ErrorKind::usage with the option that is needed
  /// where the file leaves open what it means.
  Classifier(const ClassifierOptions& options, Device device);

  /// As many as probabilities() gives.
  const std::vector<std::string>& class_names() const { return class_names_; }

  /// The probability of each class; of one output p {1 - p, p}. `warning` is what was wrong with the
  /// picture's file but cost nothing. Throws ErrorKind::data if it cannot be read.
  std::vector<float> probabilities(const std::string& file, std::string& warning);

 private:
  void choose_output(const ClassifierOptions& options);
  void set_picture(const ClassifierOptions& options);
  void set_scale(const ClassifierOptions& options);
  void name_classes(const ClassifierOptions& options);
  std::vector<float> outputs_for(const Tensor& x);

  Model model_;
  size_t output_ = 0;  // which of the graph's
  bool from_logits_;
  PixelScale scale_;
  ImageOptions picture_;
  std::vector<std::string> class_names_;
};

}  // namespace manul
