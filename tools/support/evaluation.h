#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "manul/data/datasets/image_dataset.h"
#include "manul/models/graph/model.h"

namespace manul {

/// The class with the largest probability; of two that are equal the later one, as p >= 0.5 is a dog.
size_t likeliest(const float* probabilities, size_t classes);

/// part / whole; 0 of nothing.
double share_of(int64_t part, int64_t whole);

/// What a classifier answered about pictures whose classes are known.
class Evaluation {
 public:
  explicit Evaluation(std::vector<std::string> class_names);

  /// `probabilities` has one a class.
  void add(int label, const std::vector<float>& probabilities);

  /// One picture, in the order in which they were added.
  struct Sample {
    int label = 0;
    size_t answer = 0;
    float probability = 0;  // of the answer
  };
  const std::vector<Sample>& samples() const { return samples_; }

  const std::vector<std::string>& class_names() const { return class_names_; }
  size_t classes() const { return class_names_.size(); }
  int64_t size() const { return size_; }
  /// How many pictures of class `label` were taken for `answer`.
  int64_t count(size_t label, size_t answer) const { return counts_[label * classes() + answer]; }
  /// Pictures of a class, answers of a class.
  int64_t pictures_of(size_t label) const;
  int64_t answers_of(size_t answer) const;

  double accuracy() const;
  /// Mean of -log of the true class's probability.
  double loss() const { return size_ > 0 ? loss_ / static_cast<double>(size_) : 0; }
  /// The mean recall of the classes that have pictures.
  double balanced_accuracy() const;
  /// 0 where nothing was answered, or where there is nothing to find.
  double precision(size_t label) const;
  double recall(size_t label) const;
  double f1(size_t label) const;

 private:
  std::vector<std::string> class_names_;
  std::vector<int64_t> counts_;  // [label, answer]
  std::vector<Sample> samples_;
  int64_t size_ = 0;
  double loss_ = 0;
};

/// What `model`, whose outputs are probabilities, answers about a data set as it stands, in batches.
Evaluation evaluation_of(Model& model, ImageDataset& data, int64_t batch_size = 32);

/// The classes' figures and the confusion matrix as text of at most `columns`.
std::string report_text(const Evaluation& evaluation, size_t columns = 80);

/// "accuracy 0.9750, balanced accuracy 0.9750, loss 0.0817"
std::string summary_text(const Evaluation& evaluation);

}  // namespace manul
