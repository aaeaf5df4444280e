#include "manul/tools/support/evaluation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "manul/framework/error.h"

namespace manul {

double share_of(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

size_t likeliest(const float* probabilities, size_t classes) {
  size_t best = 0;
  for (size_t i = 1; i < classes; ++i)
    if (probabilities[i] >= probabilities[best]) best = i;
  return best;
}

Evaluation::Evaluation(std::vector<std::string> class_names)
    : class_names_(std::move(class_names)), counts_(class_names_.size() * class_names_.size()) {}

void Evaluation::add(int label, const std::vector<float>& probabilities) {
  check(probabilities.size() == classes() && label >= 0 && static_cast<size_t>(label) < classes(),
        "evaluation: {} probabilities and the label {} of {} classes", probabilities.size(), label,
        classes());
  auto truth = static_cast<size_t>(label);
  size_t answer = likeliest(probabilities.data(), classes());
  samples_.push_back({label, answer, probabilities[answer]});
  ++counts_[truth * classes() + answer];
  loss_ -= std::log(std::max<double>(probabilities[truth], std::numeric_limits<float>::epsilon()));
  ++size_;
}

int64_t Evaluation::pictures_of(size_t label) const {
  int64_t sum = 0;
  for (size_t answer = 0; answer < classes(); ++answer) sum += count(label, answer);
  return sum;
}

int64_t Evaluation::answers_of(size_t answer) const {
  int64_t sum = 0;
  for (size_t label = 0; label < classes(); ++label) sum += count(label, answer);
  return sum;
}

double Evaluation::accuracy() const {
  int64_t right = 0;
  for (size_t i = 0; i < classes(); ++i) right += count(i, i);
  return share_of(right, size_);
}

double Evaluation::balanced_accuracy() const {
  double sum = 0;
  int64_t there = 0;
  for (size_t i = 0; i < classes(); ++i) {
    if (pictures_of(i) == 0) continue;
    sum += recall(i);
    ++there;
  }
  return there > 0 ? sum / static_cast<double>(there) : 0;
}

double Evaluation::precision(size_t label) const {
  return share_of(count(label, label), answers_of(label));
}

double Evaluation::recall(size_t label) const {
  return share_of(count(label, label), pictures_of(label));
}

double Evaluation::f1(size_t label) const {
  return share_of(2 * count(label, label), pictures_of(label) + answers_of(label));
}

Evaluation evaluation_of(Model& model, ImageDataset& data, int64_t batch_size) {
  Evaluation evaluation(data.class_names());
  DeviceStepState state(model.device());
  state.write({});
  data.begin_epoch(0, 0, false);
  for (int64_t position = 0; position < data.size(); position += batch_size) {
    int64_t length = std::min(batch_size, data.size() - position);
    Tensor inputs = Tensor::empty(data.sample_shape().batch_of(length), DType::f32, model.device());
    Tensor labels = Tensor::empty({length}, DType::i32, model.device());
    state.set(&StepState::position, position);
    data.prepare_batch(position, length);
    data.next_batch(state, inputs, labels);
    std::vector<float> outputs = model.predict(inputs, length).to_vector<float>();
    size_t each = outputs.size() / static_cast<size_t>(length);
    for (size_t i = 0; i < static_cast<size_t>(length); ++i) {
      std::vector<float> p(outputs.begin() + static_cast<int64_t>(i * each),
                           outputs.begin() + static_cast<int64_t>((i + 1) * each));
      if (each == 1) p = {1 - p[0], p[0]};
      evaluation.add(data.files()[static_cast<size_t>(position) + i].label, p);
    }
  }
  return evaluation;
}

}  // namespace manul
