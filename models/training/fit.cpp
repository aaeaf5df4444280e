#include "manul/models/training/fit.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "manul/data/datasets/array_dataset.h"
#include "manul/framework/error.h"
#include "manul/models/graph/model.h"
#include "manul/models/training/progress_bar.h"
#include "manul/models/training/progress_line.h"
#include "manul/models/training/trainer.h"

// What a Model does with arrays and data sets.
namespace manul {
namespace {

int64_t samples_of(const Tensors& arrays) {
  check(!arrays.empty() && arrays[0].defined() && arrays[0].shape().rank() > 0,
        "model: an array of samples is wanted, [N, ..]");
  return arrays[0].shape()[0];
}

/// Samples [first, end) of each array.
Tensors part_of(const Tensors& arrays, int64_t first, int64_t end) {
  Tensors parts;
  for (const Tensor& array : arrays) {
    check(samples_of(array) >= end, "model: one array has {} samples, another {}", samples_of(array), end);
    Shape sample = array.shape().sample();
    parts.push_back(array.range(first * sample.elements(), sample.batch_of(end - first)));
  }
  return parts;
}

/// Where Keras cuts: int(n * (1 - validation_split)) samples are trained on.
int64_t training_part(int64_t samples, double validation_split) {
  check(validation_split > 0 && validation_split < 1, "fit: validation_split is between 0 and 1, not {}",
        validation_split);
  auto count = static_cast<int64_t>(std::floor(static_cast<double>(samples) * (1 - validation_split)));
  check(count > 0 && count < samples,
        "fit: validation_split of {} leaves {} of {} samples for training and {} for validation",
        validation_split, count, samples, samples - count);
  return count;
}

bool has_progress_bar(const std::vector<Callback*>& callbacks) {
  return std::any_of(callbacks.begin(), callbacks.end(),
                     [](Callback* callback) { return dynamic_cast<ProgressBar*>(callback) != nullptr; });
}

/// The outputs of a model, batch by batch.
class Outputs {
 public:
  Outputs(const Model& model, int64_t count) {
    for (int node : model.graph().outputs())
      values_.push_back(Tensor::empty(model.graph().nodes()[node].shape.batch_of(count),
                                      model.build_options().dtype, model.device()));
  }
  void put(int64_t first, const std::vector<Tensor>& batch) {
    for (size_t i = 0; i < batch.size(); ++i)
      values_[i].range(first * batch[i].shape().sample().elements(), batch[i].shape()).copy_from(batch[i]);
  }
  std::vector<Tensor> take() { return std::move(values_); }

 private:
  std::vector<Tensor> values_;
};

/// Bytes are f32 to a model, as to an ArrayDataset.
Tensor input_values(const Tensor& batch, Device device) {
  return (batch.dtype() == DType::u8 ? batch.to(DType::f32) : batch).to(device);
}

}  // namespace

History Model::fit(Dataset& train, const FitOptions& options) {
  check_compiled("fit");
  check_not_in_fit("fit");
  check(options.validation_split == 0,
        "fit: validation_split is for arrays; split() a data set and pass one part as validation");
  check(options.sample_weight.empty(), "fit: sample_weight is for arrays; a data set has weights of its own");
  check(!options.validation || options.validation_data.x.empty(),
        "fit: there are two sets for validation, validation and validation_data");
  FitOptions rest = options;
  std::optional<ClassWeighted> weighted;
  if (!options.class_weight.empty()) weighted.emplace(train, options.class_weight, device());
  std::optional<ArrayDataset> validation;
  if (const FitOptions::Arrays& arrays = options.validation_data; !arrays.x.empty()) {
    validation.emplace(arrays.x, arrays.y, arrays.weights, ArrayDatasetOptions{.device = device()});
    rest.validation = &*validation;
  }
  ProgressBar bar({.verbose = options.verbose});
  if (!has_progress_bar(options.callbacks)) rest.callbacks.push_back(&bar);
  return Trainer(*this, weighted ? *weighted : train, rest).run();
}

History Model::fit(const Tensors& x, const Tensors& y, const FitOptions& options) {
  check_compiled("fit");
  FitOptions rest = options;
  rest.validation_split = 0;
  int64_t samples = samples_of(x), trained = samples;
  bool has_validation = options.validation || !options.validation_data.x.empty();
  if (options.validation_split != 0 && !has_validation) {  // Keras' order of precedence
    trained = training_part(samples, options.validation_split);
    rest.validation_data = {part_of(x, trained, samples), part_of(y, trained, samples),
                            part_of(options.sample_weight, trained, samples)};
  }
  rest.sample_weight = {};
  auto training = [&](const Tensors& arrays) {
    return trained < samples ? part_of(arrays, 0, trained) : arrays;
  };
  ArrayDataset train(training(x), training(y), training(options.sample_weight), {.device = device()});
  return fit(train, rest);
}

Logs Model::evaluate(Dataset& data, int64_t batch_size, Verbose verbose) {
  check_compiled("evaluate");
  return Evaluator(*this, data, batch_size).run(verbose);
}

Logs Model::evaluate(const Tensors& x, const Tensors& y, int64_t batch_size, Verbose verbose) {
  check_compiled("evaluate");
  ArrayDataset data(x, y, {}, {.device = device()});
  return evaluate(data, batch_size, verbose);
}

std::vector<Tensor> Model::predict_all(const Tensors& x, int64_t batch_size, Verbose verbose) {
  check(batch_size > 0, "predict: a batch has at least one sample, not {}", batch_size);
  if (!is_built()) build();
  int64_t count = samples_of(x);
  for (const Tensor& array : x)
    check(samples_of(array) == count, "predict: one input has {} samples, another {}", count,
          samples_of(array));
  Outputs outputs(*this, count);
  EvaluationBar bar("predict", count, (count + batch_size - 1) / batch_size, verbose);
  for (int64_t first = 0; first < count; first += batch_size) {
    std::vector<Tensor> batch;
    for (const Tensor& array : part_of(x, first, std::min(first + batch_size, count)))
      batch.push_back(input_values(array, device()));
    outputs.put(first, predict_batch(batch));
    bar.show(std::min(first + batch_size, count));
  }
  bar.end();
  return outputs.take();
}

std::vector<Tensor> Model::predict_all(Dataset& data, int64_t batch_size, Verbose verbose) {
  if (!is_built()) build();
  BatchSource source(*this, data, batch_size, BatchSource::Use::by_this_one);
  DeviceStepState state(device());
  Outputs outputs(*this, source.size());
  EvaluationBar bar("predict", source.size(), source.steps(), verbose);
  source.begin_epoch(0, 0, false);
  for (int64_t position = 0, length = 0; position < source.size(); position += length) {
    length = source.length_at(position);
    state.set(&StepState::position, position);
    source.prepare(position, length);
    outputs.put(position, predict_batch(source.next(state, length).inputs));
    bar.show(position + length);
  }
  bar.end();
  return outputs.take();
}

void Model::check_one_output(const char* what) const {
  checked_parameters();
  check(graph_.outputs().size() == 1, "{}: the model has {} outputs, ask for all by predict_all", what,
        graph_.outputs().size());
}

Tensor Model::predict(const Tensors& x, int64_t batch_size, Verbose verbose) {
  check_one_output("predict");
  return predict_all(x, batch_size, verbose)[0];
}

Tensor Model::predict(Dataset& data, int64_t batch_size, Verbose verbose) {
  check_one_output("predict");
  return predict_all(data, batch_size, verbose)[0];
}

}  // namespace manul
