#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <vector>

#include "manul/framework/config/object_table.h"
#include "manul/framework/error.h"
#include "manul/framework/parameter.h"
#include "manul/framework/step.h"
#include "manul/layers/dtype_policy.h"
#include "manul/layers/weight.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul {

/// How a layer is called: in training (batch statistics, dropout) or inference, and the state of the step
/// that dropout draws from (needed in training only).
struct CallContext {
  bool training = false;
  const DeviceStepState* state = nullptr;
  /// Where a layer that adds_losses() puts what a call adds to the loss, a scalar each, as Keras' add_loss;
  /// null: nobody asks.
  std::vector<Tensor>* losses = nullptr;
  /// The masks of the call's inputs, as Keras has them: [N, steps] for [N, steps, C], 1 where a step counts,
  /// 0 where it is padding; undefined where an input has none. Null: no input has one.
  const std::vector<Tensor>* masks = nullptr;

  /// The mask of an input; undefined: it has none.
  Tensor mask(size_t input) const { return masks && input < masks->size() ? (*masks)[input] : Tensor(); }
};

/// An op that owns parameters, with Keras' class name, options and order of weights; most are made by
/// LayerOf (layers/layer_of.h) from a struct: `LayerPtr layer = Dense{.units = 10};`. Shapes are those of one
/// sample, without the batch axis. A layer has any number of inputs and outputs.
class Layer {
 public:
  /// `name` may be empty: the graph then gives one as Keras counts them (conv2d, conv2d_1).
  Layer(std::string name, bool trainable) : name_(std::move(name)), trainable_(trainable) {}
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  const std::string& name() const { return name_; }
  void set_name(std::string name);
  /// False: frozen; its parameters are not trained (and BatchNormalization runs as in inference).
  bool trainable() const { return trainable_; }
  /// With effect from the next step on, also after compiling and within a fit (in Keras only after compiling
  /// again).
  virtual void set_trainable(bool trainable);

  /// What the layer computes in, as Keras' argument dtype; files have it. Set before the model is built, or
  /// for a whole model by BuildOptions::dtype_policy. Policies of files that are not known here
  /// (mixed_float16) are written back, and computed in f32.
  virtual void set_dtype_policy(DTypePolicy policy);
  DTypePolicy dtype_policy() const;
  /// Whether the policy's dtype is that of the inputs as well, as Keras' autocast: not where they are
  /// indices.
  virtual bool autocasts() const { return true; }

  /// Keras' class name: "Conv2D". A class of your own is called "Package>Name", as Keras registers it.
  virtual std::string class_name() const = 0;
  /// What a graph calls it, with a number where that is taken.
  virtual std::string default_name() const;
  /// The options in Keras' keys, as every Keras from 2.3 on accepts them: name, trainable, dtype and the
  /// layer's own. What a file said and does not matter here is in it again.
  Config config() const;

  /// Shapes of the outputs for inputs of these shapes. Throws if they do not fit.
  virtual std::vector<Shape> output_shapes(const std::vector<Shape>& inputs) const = 0;
  /// The same of a layer with one output.
  Shape output_shape(const std::vector<Shape>& inputs) const;
  /// Declares the parameters for inputs of these shapes, the first time, and adds them to `parameters`: those
  /// of several models may have them. `scope` stands before their paths there. A build that throws declares
  /// nothing.
  virtual void build(const std::vector<Shape>& inputs, ParameterSet& parameters,
                     const std::string& scope = {});
  /// The outputs for a batch of each input.
  virtual std::vector<Tensor> call(const std::vector<Tensor>& inputs, const CallContext& context) const = 0;

  /// In the order of Keras' files: those to train, then statistics; in a frozen layer as they were declared.
  virtual std::vector<Parameter*> parameters() const;
  /// The activation, if the layer is one and nothing else: it may be fused into the layer before it.
  virtual std::optional<Activation> as_activation() const { return std::nullopt; }

  /// What the weight of this name ("kernel") adds to the loss, as Keras' argument kernel_regularizer, and
  /// what it must hold to after every update, as kernel_constraint: structs of ops/regularizers and
  /// ops/constraints, or of one's own. Files have them. Throws if the layer, once it is built, has no such
  /// weight.
  ///
  ///     LayerPtr hidden = Dense{.units = 64};
  ///     hidden->regularize("kernel", L2{.l2 = 0.01});
  template <class Options>
  void regularize(const std::string& weight, const Options& options) {
    set_weight_option(weight, "_regularizer", object_of(options));
  }
  template <class Options>
  void constrain(const std::string& weight, const Options& options) {
    set_weight_option(weight, "_constraint", object_of(options));
  }

  /// What the outputs of each call add to the loss, as Keras' argument activity_regularizer: the penalty,
  /// divided by the length of the batch. Files have it. Throws if layers of this class do not take it: an
  /// ActivityRegularization behind them does.
  template <class Options>
  void regularize_activity(const Options& options) {
    set_activity_regularizer(object_of(options));
  }
  /// Null: none.
  virtual std::shared_ptr<const Regularizer> activity_regularizer() const { return activity_regularizer_; }

  /// Whether the outputs have a mask (CallContext::masks) where these inputs have one. A layer that does not
  /// know masks takes them off, as in Keras.
  virtual bool gives_mask(const std::vector<bool>& /*masked*/) const { return false; }
  /// The mask of the outputs, where gives_mask(): the first input's, unless the layer has another. Of the
  /// masks those are undefined that inputs do not have.
  virtual Tensor compute_mask(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) const;

  /// Whether the only output is the only input, except in training: such a layer is left out of what
  /// predicts.
  virtual bool is_identity_in_inference() const { return false; }

  /// Whether calls may add to CallContext::losses.
  virtual bool adds_losses() const { return activity_regularizer() != nullptr; }

  /// How the weight of this name is drawn, as Keras' argument kernel_initializer; files have it. Before the
  /// model is built. Throws if the layer, once it knows its weights, has none of this name.
  ///
  ///     hidden->initialize("kernel", HeNormal{.seed = 7});
  void initialize(const std::string& weight, const Initializer& initializer);

  /// What a file asks for that matters in training and is not known here, as Keras' keys (somebody's own
  /// regularizer): kept for saving, and a reason to refuse training. An empty map: nothing.
  Config untrained_options() const;
  /// Takes what OptionReader found beside the options of the struct.
  void keep(Config kept, Config untrained, Config dtype);

 protected:
  /// Declares what the layer owns.
  virtual void declare(const std::vector<Shape>& /*inputs*/, Weights& /*weights*/) {}
  /// Tells the options; see Description.
  virtual void describe(Description& /*description*/) const {}
  /// Whether activity_regularizer is that of the layer's outputs, if it has the option.
  virtual bool regularizes_outputs() const { return true; }
  /// The name or `trainable` have changed.
  virtual void renamed() {}

 private:
  std::string name_;
  bool trainable_;
  void set_weight_option(const std::string& weight, const std::string& kind, Config object);
  Parameter& declared(const std::string& weight) const;
  void heed_weight_options(Parameter& parameter);
  void set_activity_regularizer(Config object);
  void heed_activity_regularizer();

  bool is_built_ = false;
  std::vector<ParameterPtr> owned_;
  Config kept_ = Config::map(), untrained_ = Config::map(), dtype_ = "float32";
  std::vector<std::string> heeded_;  // the keys of untrained_ that are known
  std::shared_ptr<const Regularizer> activity_regularizer_;
};

/// A struct that describes a layer.
template <class T>
concept LayerOptions = requires(T options, Description& description) {
  { T::class_name } -> std::convertible_to<std::string>;
  options.describe(description);
};

template <LayerOptions Options>
class LayerOf;

/// A shared layer. Structs of options convert to it.
class LayerPtr : public std::shared_ptr<Layer> {
 public:
  using std::shared_ptr<Layer>::shared_ptr;
  LayerPtr(std::shared_ptr<Layer> layer) : std::shared_ptr<Layer>(std::move(layer)) {}
  /// A new layer; throws where an option is out of its range.
  template <LayerOptions Options>
  LayerPtr(const Options& options) : std::shared_ptr<Layer>(std::make_shared<LayerOf<Options>>(options)) {}
};

/// The layer that Keras' class name and config (Keras 1's, 2's and 3's keys) describe, of the registered
/// classes (layers/config/registry.h). Throws ErrorKind::model_file in a sentence that names the layer where
/// the class is unknown or an option is not known or changes the result in a way that is not supported.
LayerPtr make_layer(const std::string& class_name, const Config& config);

/// "conv2d" of "Conv2D", "max_pooling2d" of "MaxPooling2D": how Keras names a layer by its class.
std::string snake_case(std::string_view class_name);

}  // namespace manul

#include "manul/layers/layer_of.h"
