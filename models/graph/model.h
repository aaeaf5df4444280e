#pragma once

#include <concepts>
#include <memory>

#include "manul/data/datasets/dataset.h"
#include "manul/models/graph/fusion.h"
#include "manul/models/graph/graph.h"
#include "manul/models/training/fit.h"
#include "manul/models/training/training_state.h"
#include "manul/ops/losses/loss.h"
#include "manul/ops/losses/loss_spec.h"
#include "manul/ops/optimizers/update.h"

namespace manul {

class Plan;

/// Metrics by Keras' names. accuracy is the kind that fits the loss: threshold 0.5, or argmax.
enum class Metric { accuracy };

struct BuildOptions {
  Device device = {};
  uint64_t seed = 0;  // of initial values, shuffling, dropout and augmentation
  DType dtype = DType::f32;
  bool gradients = true;  // false: for prediction alone
  Fusion fusion = {};
};

struct CompileOptions {
  Device device = {};  // device, seed and fusion are ignored if the model is already built
  uint64_t seed = 0;
  Fusion fusion = {};
  bool from_logits = false;  // the outputs are logits already, as Keras' loss objects may say
  double loss_weight = 1;    // multiplies the loss, as Keras' loss_weights
};

struct LoadOptions {
  Device device = {};
  bool training = false;  // true: with gradients and, if the file has them, optimizer and training state
  Fusion fusion = {};
  bool conversion =
      true;  // of HDF5 files laid out otherwise than Keras does, by libhdf5 in a process with limits
};

/// A network that is built, trained, used and saved: a Graph, its parameters and, once compiled, a loss, an
/// optimizer and the state of training.
///
///     model.compile(Adam{}, Loss::binary_crossentropy, {Metric::accuracy});
///     History history = model.fit(train, {.epochs = 25, .validation = &test});
class Model {
 public:
  /// Throws if the graph has no inputs or outputs, or a layer that leads to no output.
  explicit Model(Graph graph);
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  virtual ~Model();

  const Graph& graph() const { return graph_; }
  /// Declared with the layers; with memory once the model is built.
  ParameterSet& parameters() { return *parameters_; }
  const ParameterSet& parameters() const { return *parameters_; }

  /// Gives the parameters memory and initial values (by seed and path). compile(), predict() and forward()
  /// do it with the defaults if it has not been done.
  void build(const BuildOptions& options = {});
  bool is_built() const { return plan_ != nullptr; }
  Device device() const { return build_options_.device; }
  const BuildOptions& build_options() const { return build_options_; }

  /// Chooses how to train. Throws if the model was built without gradients, if the loss does not fit the
  /// output, or if a layer has options that training here would ignore.
  void compile(std::unique_ptr<Optimizer> optimizer, Loss loss, std::vector<Metric> metrics = {},
               const CompileOptions& options = {});
  template <std::derived_from<Optimizer> OptimizerType>
  void compile(const OptimizerType& optimizer, Loss loss, std::vector<Metric> metrics = {},
               const CompileOptions& options = {}) {
    compile(std::make_unique<OptimizerType>(optimizer), loss, std::move(metrics), options);
  }
  /// The same with a loss made of ops: a value (`Huber{.delta = 0.3}`) or one's own.
  void compile(std::unique_ptr<Optimizer> optimizer, const LossSpec& loss, std::vector<Metric> metrics = {},
               const CompileOptions& options = {});
  template <std::derived_from<Optimizer> OptimizerType>
  void compile(const OptimizerType& optimizer, const LossSpec& loss, std::vector<Metric> metrics = {},
               const CompileOptions& options = {}) {
    compile(std::make_unique<OptimizerType>(optimizer), loss, std::move(metrics), options);
  }
  bool is_compiled() const { return optimizer_ != nullptr; }
  Optimizer& optimizer() const;
  Loss loss() const { return loss_; }
  /// The loss where it is made of ops; without a name where it is one of the crossentropies.
  const LossSpec& composed_loss() const { return composed_loss_; }
  const std::vector<Metric>& metrics() const { return metrics_; }
  /// What multiplies the loss (and with it the gradients), as Keras' loss_weights.
  double loss_weight() const { return loss_weight_; }
  bool from_logits() const { return from_logits_; }
  /// Iteration, learning rate and position, on the device. Of a compiled model.
  const DeviceStepState& state() const;

  /// Trains; see models/training/fit.h.
  History fit(Dataset& train, const FitOptions& options = {});
  /// The same on arrays [N, ..], one for each input and each output: `fit(x, y)`, `fit({x1, x2}, {y1, y2})`.
  /// See ArrayDataset.
  History fit(const Tensors& x, const Tensors& y, const FitOptions& options = {});
  /// Mean loss and metrics over a data set, in order: {{"loss", 0.5}, {"accuracy", 0.8}}.
  Logs evaluate(Dataset& data, int64_t batch_size = 32);
  Logs evaluate(const Tensors& x, const Tensors& y, int64_t batch_size = 32);
  /// The only output for x [N, ..] on any device, or for a data set in order, in batches of at most
  /// `batch_size`; on the model's device. Throws if the model has several outputs.
  Tensor predict(const Tensor& x, int64_t batch_size = 32) { return predict(Tensors(x), batch_size); }
  Tensor predict(const Tensors& x, int64_t batch_size = 32);
  Tensor predict(Dataset& data, int64_t batch_size = 32);
  /// The same of a model with any number of outputs.
  std::vector<Tensor> predict_all(const Tensors& x, int64_t batch_size = 32);
  std::vector<Tensor> predict_all(Dataset& data, int64_t batch_size = 32);

  /// The outputs for one batch; recorded if a tape is alive. For loops written out.
  std::vector<Tensor> forward(const std::vector<Tensor>& inputs, const CallContext& context = {});
  Tensor forward(const Tensor& input, const CallContext& context = {});
  /// One step of training on one batch; returns its loss, a scalar on the device, before the update.
  Tensor train_on_batch(const Tensors& inputs, const Tensors& labels);

  /// The table that Keras 2.15 prints.
  std::string summary() const;

  /// Writes a Keras file (models/keras/h5.h): architecture, weights, and of a compiled model optimizer and
  /// training state. Atomic.
  void save(const std::string& path) const;
  /// Reads a Keras file. Throws ErrorKind::model_file.
  static Model load(const std::string& path, const LoadOptions& options = {});

  /// What the file that the model was loaded from says about training and is not used here (metrics that are
  /// not computed, a whole training_config that was not asked for): kept for save(). Null: nothing.
  Config kept_training_config;

  Preprocessing preprocessing;
  /// Where training stands, for save(); what load() found, for a fit() that resumes.
  TrainingState training_state;

 protected:
  Model();
  /// Appends to a chain that is not built yet; for Sequential.
  void append(const LayerPtr& layer);
  Graph graph_;

 private:
  friend class Trainer;
  friend class Evaluator;
  /// One batch: its mean loss, and the outputs it was taken from (logits where the loss takes them).
  struct BatchResult {
    Tensor loss, predictions;
  };
  void declare_parameters();
  const std::vector<Tensor>& checked(const std::vector<Tensor>& inputs) const;
  bool loss_takes_logits() const;
  BatchResult loss_of(const Batch& batch, bool training);
  BatchResult train_step(const Batch& batch);
  void add_to_totals(const BatchResult& result, const Batch& batch, const Tensor& totals) const;
  void check_one_output(const char* what) const;
  Logs logs_of(const Tensor& totals) const;

  std::unique_ptr<ParameterSet> parameters_;
  BuildOptions build_options_;
  std::unique_ptr<Plan> plan_;  // how the graph runs; made when built
  std::unique_ptr<Optimizer> optimizer_;
  Loss loss_ = Loss::binary_crossentropy;
  std::vector<Metric> metrics_;
  bool from_logits_ = false;
  double loss_weight_ = 1;
  LossSpec composed_loss_;
  std::unique_ptr<DeviceStepState> state_;
  /// What dropout draws from that is called as in training in prediction too; each forward() draws anew.
  std::unique_ptr<DeviceStepState> prediction_state_;
  int64_t predictions_ = 0;
};

}  // namespace manul
