#pragma once

#include <concepts>
#include <memory>

#include "manul/data/datasets/dataset.h"
#include "manul/models/graph/fusion.h"
#include "manul/models/graph/graph.h"
#include "manul/models/training/fit.h"
#include "manul/models/training/objective.h"
#include "manul/models/training/training_state.h"
#include "manul/ops/optimizers/optimizers.h"

namespace manul {

class Inference;
class Plan;

struct BuildOptions {
  Device device = {};
  uint64_t seed = 0;  // of initial values, shuffling, dropout and augmentation
  DType dtype = DType::f32;
  bool gradients = true;  // false: for prediction alone
  Fusion fusion = {};
  /// See Model::set_dtype_policy(); nothing: as its layers are.
  std::optional<DTypePolicy> dtype_policy = {};
};

struct CompileOptions {
  /// Where and from what seed the model is built if it is not yet. Of one that is: its device and, while its
  /// values are those that were drawn, its seed cannot be others; later the seed is that of shuffling,
  /// dropout and augmentation from now on.
  std::optional<Device> device = {};
  std::optional<uint64_t> seed = {};
  Fusion fusion = {};  // ignored if the model is already built
  /// See Model::set_dtype_policy(); nothing: as its layers are.
  std::optional<DTypePolicy> dtype_policy = {};
  /// The outputs are logits already. Of a crossentropy that says nothing itself.
  bool from_logits = false;
  /// What multiplies the loss of each output, in order; empty: 1.
  std::vector<double> loss_weights = {};
  /// Training keeps for the gradients what crosses the borders between blocks of layers alone, and computes
  /// the rest again: less than half of the memory for a third more time, the same numbers.
  bool checkpoint = false;
  /// Of several processes: gradients are added in bf16 (Optimizer::sum_in_bf16). Not saved with the model.
  bool bf16_sums = false;
  /// Metrics of each output, in order, in place of the same for all.
  std::vector<std::vector<Metric>> output_metrics = {};
  /// Metrics that take the weights of samples into account: of every output, or of each.
  std::vector<Metric> weighted_metrics = {};
  std::vector<std::vector<Metric>> output_weighted_metrics = {};
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
///     model.compile(Adam{}, Loss::binary_crossentropy, {"accuracy", AUC{.curve = "PR"}});
///     History history = model.fit(train, {.epochs = 25, .validation = &test});
class Model {
 private:
  /// Declared before all that has memory: what the model's steps left in the pool is given back after it.
  struct MemoryReturn {
    MemoryReturn() = default;
    MemoryReturn(MemoryReturn&& /*other*/) noexcept {}
    MemoryReturn& operator=(MemoryReturn&& /*other*/) noexcept { return *this; }
    ~MemoryReturn() { cpu::give_back_pool(); }
  } memory_return_;

 public:
  /// Throws if the graph has no inputs or outputs, or a layer that leads to no output.
  explicit Model(Graph graph);
  /// The part of a graph between values of it, which may be another model's: a feature extractor, one branch,
  /// another output. The layers are the same: what one model learns, the other has.
  ///
  ///     Model features(base.inputs(), {base.output_of("flatten")});
  Model(const std::vector<Symbol>& inputs, const std::vector<Symbol>& outputs);
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  virtual ~Model();

  const Graph& graph() const { return graph_; }
  /// The values that the model takes and gives, and of a layer that is called once the one it gives.
  std::vector<Symbol> inputs() const { return graph_.symbols(graph_.inputs()); }
  std::vector<Symbol> outputs() const { return graph_.symbols(graph_.outputs()); }
  Symbol output_of(const std::string& layer) const;
  /// Throws if there is no layer of that name.
  LayerPtr layer(const std::string& name) const;

  /// The model as a layer of other models, always the same one: `graph.apply(encoder, x)`. It stays nested,
  /// in files too, and shares its parameters.
  LayerPtr as_layer() const;
  operator LayerPtr() const { return as_layer(); }
  /// Declared with the layers; with memory once the model is built.
  ParameterSet& parameters() { return *checked_parameters(); }
  const ParameterSet& parameters() const { return *checked_parameters(); }

  /// Gives the parameters memory and initial values (by seed and path). compile(), predict() and forward()
  /// do it with the defaults if it has not been done.
  void build(const BuildOptions& options = {});
  bool is_built() const { return plan_ != nullptr; }
  /// What all layers compute in, as Keras' set_global_policy() before a model is made, at any time. Layers
  /// that give an output stay in f32, as Keras' guide to mixed precision has it: losses and metrics are
  /// computed from what they give. Saved with the layers.
  ///
  ///     model.compile(Adam{}, Loss::binary_crossentropy, {"accuracy"},
  ///                   {.dtype_policy = DTypePolicy::mixed_bfloat16});
  void set_dtype_policy(DTypePolicy policy);
  /// Every BatchNormalization takes the statistics of the whole batch of all processes from now on (see its
  /// option `synchronized`): N processes give what one gives. Saved with the layers.
  void synchronize_normalizations();
  Device device() const { return build_options_.device; }
  const BuildOptions& build_options() const { return build_options_; }
  /// To be called when the initial values have been replaced, by a file's, say: what the seed decides is then
  /// the order of training alone, and compile() may choose another.
  void values_were_replaced() { values_are_drawn_ = false; }

  /// Chooses how to train: an optimizer; a loss, or several for several outputs (see Losses); the metrics of
  /// every output. Throws if the model was built without gradients, if a loss does not fit its output, or if
  /// a layer has options that training here would ignore.
  void compile(std::unique_ptr<Optimizer> optimizer, const Losses& losses, std::vector<Metric> metrics = {},
               const CompileOptions& options = {});
  template <std::derived_from<Optimizer> OptimizerType>
  void compile(const OptimizerType& optimizer, const Losses& losses, std::vector<Metric> metrics = {},
               const CompileOptions& options = {}) {
    compile(std::make_unique<OptimizerType>(optimizer), losses, std::move(metrics), options);
  }
  bool is_compiled() const { return optimizer_ != nullptr; }
  Optimizer& optimizer() const;
  /// The names of the layers that give the outputs, numbered where a layer gives several.
  std::vector<std::string> output_names() const;
  /// One for each output, of a compiled model.
  const std::vector<Objective>& objectives() const { return objectives_; }
  /// How many outputs have a loss: labels of a batch.
  size_t trained_outputs() const;
  /// Of a built and compiled model: the output's activation is left out, and its loss computed from the
  /// logits.
  bool leaves_out_activation(size_t output) const;
  /// Of the first output that has one, of a compiled model.
  const LossSpec& loss() const;
  /// Iteration, learning rate and position, on the device. Of a compiled model.
  const DeviceStepState& state() const;

  /// Trains; see models/training/fit.h. Of several processes (join_processes) all call it, and evaluate():
  /// each does its part of every batch. Predictions are each one's own.
  History fit(Dataset& train, const FitOptions& options = {});
  /// The same on arrays [N, ..], one for each input and each output that has a loss: `fit(x, y)`,
  /// `fit({x1, x2}, {y1, y2})`. See ArrayDataset.
  History fit(const Tensors& x, const Tensors& y, const FitOptions& options = {});
  /// Mean loss and metrics over a data set, in order: {{"loss", 0.5}, {"accuracy", 0.8}}. With several
  /// outputs the loss is the weighted sum, and each has its own: "left_loss", "left_accuracy".
  Logs evaluate(Dataset& data, int64_t batch_size = 32, Verbose verbose = Verbose::automatic);
  Logs evaluate(const Tensors& x, const Tensors& y, int64_t batch_size = 32,
                Verbose verbose = Verbose::automatic);
  /// The only output for x [N, ..] on any device, or for a data set in order, in batches of at most
  /// `batch_size`; on the model's device. Throws if the model has several outputs.
  Tensor predict(const Tensor& x, int64_t batch_size = 32, Verbose verbose = Verbose::automatic) {
    return predict(Tensors(x), batch_size, verbose);
  }
  Tensor predict(const Tensors& x, int64_t batch_size = 32, Verbose verbose = Verbose::automatic);
  Tensor predict(Dataset& data, int64_t batch_size = 32, Verbose verbose = Verbose::automatic);
  /// The same of a model with any number of outputs.
  std::vector<Tensor> predict_all(const Tensors& x, int64_t batch_size = 32,
                                  Verbose verbose = Verbose::automatic);
  std::vector<Tensor> predict_all(Dataset& data, int64_t batch_size = 32,
                                  Verbose verbose = Verbose::automatic);

  /// How predict() runs the graph; of a built model. Made at the first call.
  Inference& inference();

  /// The only output for one batch of each input; recorded if a tape is alive. For loops written out. Throws
  /// if the model has several outputs.
  Tensor forward(const Tensor& input, const CallContext& context = {}) {
    return forward(Tensors(input), context);
  }
  Tensor forward(const Tensors& inputs, const CallContext& context = {});
  /// The same of a model with any number of outputs.
  std::vector<Tensor> forward_all(const Tensors& inputs, const CallContext& context = {});
  /// One step of training on one batch; returns its loss, a scalar on the device, before the update.
  /// `weights` of the samples, f32 [N]: none, one for all outputs or one for each.
  Tensor train_on_batch(const Tensors& inputs, const Tensors& labels, const Tensors& weights = {});

  /// The table that Keras 2.15 prints.
  std::string summary() const;

  /// Writes a Keras file (models/keras/h5.h): architecture, weights, and of a compiled model optimizer and
  /// training state. Atomic. Of several processes (join_processes) the first one writes, the others do
  /// nothing.
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
  /// One batch: the loss to be minimized, the mean losses of the outputs that have one, all outputs
  /// (logits where the loss takes them), and what regularizers and layers added to the loss, if anything.
  struct BatchResult {
    Tensor loss;
    std::vector<Tensor> losses, outputs;
    Tensor penalty = {};
    std::vector<Tensor> masks = {};  // of the outputs, where one has a mask
  };
  /// Throws if the model was moved from.
  ParameterSet* checked_parameters() const;
  /// The same, or if it is not compiled.
  void check_compiled(std::string_view caller) const;
  /// Throws if a fit() of the model is running, whose callback calls this.
  void check_not_in_fit(std::string_view caller) const;
  const std::vector<Tensor>& checked(const std::vector<Tensor>& inputs) const;
  void check_built_as(const CompileOptions& options);
  void make_plan(const Graph& flat);
  void set_objectives(const Losses& losses, const std::vector<Metric>& metrics,
                      const CompileOptions& options);
  bool computes_at_once(size_t output, const Shape& value, const Tensor& labels, const Tensor& weights) const;
  std::vector<Tensor> outputs_for_loss(const Batch& batch, bool training, Tensor& loss_of_dense,
                                       std::vector<Tensor>& added, std::vector<Tensor>& masks);
  bool has_penalties() const;
  bool evaluates_by_inference();
  /// Before loss_of() without training is called, or replayed, for the parameters of now.
  void prepare_evaluation();
  Tensor output_loss(size_t output, const Tensor& value, const Tensor& labels, const Tensor& weights,
                     const BatchPart& part) const;
  /// Of a part of a batch: losses are the mean over it, see mean_loss().
  BatchResult loss_of(const Batch& batch, bool training, const BatchPart& part);
  BatchResult train_step(const Batch& batch);
  /// f64, zeroed: {loss * samples, samples, those of the metrics} of each output that has a loss; where
  /// something is added to the loss, that * samples.
  Tensor new_totals() const;
  void add_to_totals(const BatchResult& result, const Batch& batch, const Tensor& totals) const;
  void check_one_output(const char* what) const;
  Logs logs_of(const Tensor& totals) const;

  std::unique_ptr<ParameterSet> parameters_;
  mutable LayerPtr as_layer_;
  BuildOptions build_options_;
  std::unique_ptr<Plan> plan_;            // how the graph runs; made when built
  std::unique_ptr<Inference> inference_;  // see inference()
  std::unique_ptr<Optimizer> optimizer_;
  std::vector<Objective> objectives_;
  std::unique_ptr<DeviceStepState> state_;
  bool checkpoints_ = false;       // see CompileOptions
  bool values_are_drawn_ = false;  // from the seed, and nothing has trained or read them since
  /// Orders of the data, and its augmentations, that fits have used: the next one goes on from there.
  int64_t epochs_begun_ = 0;
  int64_t epochs_begun() const;
  std::weak_ptr<const int> running_fit_;  // lives as long as the Trainer of a fit() that is running
  /// What dropout draws from that is called as in training in prediction too; each forward() draws anew.
  std::unique_ptr<DeviceStepState> prediction_state_;
  const DeviceStepState* state_for_prediction();
  std::vector<Tensor> predict_batch(const std::vector<Tensor>& inputs);
  int64_t predictions_ = 0;
};

}  // namespace manul
