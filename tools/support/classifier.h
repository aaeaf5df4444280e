#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "manul/data/image/image.h"
#include "manul/data/image/pixels.h"
#include "manul/models/graph/model.h"
#include "manul/tools/support/explanation.h"
#include "manul/tools/support/task.h"

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
  bool keep_aspect = false;              // besides what the file says
  bool exif_orientation = false;
  bool tolerant = false;
};

/// The options of a program that asks a model about pictures.
class ClassifierCommand {
 public:
  explicit ClassifierCommand(CLI::App& app);
  /// What was asked for; of the command line that was parsed.
  ClassifierOptions options() const;

 private:
  ClassifierOptions options_;
  std::string classes_;
};

/// What a model says about one picture: the probability of each class or label, or its numbers
/// (Classifier::task); or why it cannot be read.
struct Answer {
  std::vector<float> probabilities;
  std::string warning, problem;
};

/// A model of pictures with one number a class (or label, or column), and what pictures must be made into for
/// it.
class Classifier {
 public:
  /// Throws ErrorKind::model_file for a model that is none, ErrorKind::usage with the option that is needed
  /// where the file leaves open what it means.
  Classifier(const ClassifierOptions& options, Device device);

  /// What its file says that it was trained for.
  Task task() const { return task_; }
  /// As many as probabilities() gives.
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// True if the file or the user named them.
  bool knows_class_names() const { return knows_class_names_; }
  const Model& model() const { return model_; }

  /// The probability of each class; of one output p {1 - p, p}. Of labels that of each, of numbers
  /// themselves. `warning` is what was wrong with the picture's file but cost nothing. Throws ErrorKind::data
  /// if it cannot be read.
  std::vector<float> probabilities(const std::string& file, std::string& warning);
  /// What in a picture speaks for class (or label, number) `answer`; see explain_picture().
  ExplainedPicture explain(const PictureFile& file, size_t answer, int side = 0) const;
  /// The same of several pictures at once, decoded by all threads.
  std::vector<Answer> answers(std::span<const PictureFile> files);

 private:
  void choose_output(const ClassifierOptions& options);
  void set_picture(const ClassifierOptions& options);
  void set_scale(const ClassifierOptions& options);
  void name_classes(const ClassifierOptions& options);
  std::vector<float> outputs_for(const Tensor& x);
  /// {1 - p, p} of one output p, probabilities of logits.
  std::vector<float> to_probabilities(std::span<const float> outputs) const;

  Model model_;
  size_t output_ = 0;  // which of the graph's
  Config trained_;     // the options of the run that wrote the file, if there was one
  Task task_ = Task::classify;
  bool from_logits_;
  PixelScale scale_;
  ImageOptions picture_;
  std::vector<std::string> class_names_;
  bool knows_class_names_ = false;
};

}  // namespace manul
