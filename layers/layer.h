#pragma once

#include <memory>
#include <string>
#include <vector>

#include "manul/framework/parameter.h"
#include "manul/framework/step.h"
#include "manul/layers/config/config.h"

namespace manul {

/// Height and width: `3` or `{3, 5}`.
struct Size2D {
  int64_t height, width;

  constexpr Size2D(int64_t both) : height(both), width(both) {}
  constexpr Size2D(int64_t height, int64_t width) : height(height), width(width) {}
  bool operator==(const Size2D&) const = default;
};

/// How a layer is called: in training (batch statistics, dropout) or inference, and the state of the step
/// that dropout draws from (needed in training only).
struct CallContext {
  bool training = false;
  const DeviceStepState* state = nullptr;
};

/// An op that owns parameters, with Keras' class name, options and order of weights. Layers are made from
/// option structs that convert to LayerPtr: `LayerPtr layer = Dense{.units = 10};`. Shapes are those of one
/// sample, without the batch axis.
class Layer {
 public:
  /// `name` may be empty: the graph then gives one as Keras counts them (conv2d, conv2d_1).
  Layer(std::string name, bool trainable) : name_(std::move(name)), trainable_(trainable) {}
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  /// False: frozen; its parameters are not trained (and BatchNormalization runs as in inference).
  bool trainable() const { return trainable_; }

  /// Keras' class name: "Conv2D".
  virtual std::string class_name() const = 0;
  /// The options in Keras' keys, as every Keras from 2.3 on accepts them: name, trainable, dtype and the
  /// layer's own.
  Config config() const;

  /// Shape of the output for inputs of these shapes. Throws if they do not fit.
  virtual Shape output_shape(const std::vector<Shape>& inputs) const = 0;
  /// Declares the parameters for inputs of these shapes; the second call does nothing. Throws if the layer
  /// belongs to another model.
  void build(const std::vector<Shape>& inputs, ParameterSet& parameters);
  /// The output for a batch of inputs.
  virtual Tensor call(const std::vector<Tensor>& inputs, const CallContext& context) const = 0;

  /// In the order of Keras' files: those to train, then statistics; in a frozen layer as they were declared.
  const std::vector<Parameter*>& parameters() const { return parameters_; }

  /// What a file asks for that matters in training and is not known here, as Keras' keys (a regularizer, a
  /// constraint): kept for saving, and a reason to refuse training. Empty map or null: nothing.
  const Config& untrained_options() const { return untrained_options_; }
  void set_untrained_options(Config options) { untrained_options_ = std::move(options); }
  /// What a file says that changes nothing here (an initializer, a seed, a dtype policy), as Keras' keys:
  /// goes before what the layer says of itself in config(). Empty map or null: nothing.
  void set_kept_options(Config options) { kept_options_ = std::move(options); }

 protected:
  /// Declares what the layer owns with add_parameter().
  virtual void make_parameters(const std::vector<Shape>& /*inputs*/, ParameterSet& /*parameters*/) {}
  /// The layer's own options in Keras' keys.
  virtual Config options_config() const { return Config::map(); }
  /// Declares `name` (Keras' name: "kernel") under the path "layer/name"; frozen if the layer is, or if
  /// `statistic`.
  Parameter& add_parameter(ParameterSet& parameters, const std::string& name, const Shape& shape,
                           const Initializer& initializer, bool statistic = false);
  /// inputs[0], after checking that there is one and that it has `rank` axes (any rank if negative).
  const Shape& only_input(const std::vector<Shape>& inputs, int rank = -1) const;

 private:
  std::string name_;
  bool trainable_;
  const ParameterSet* built_in_ = nullptr;
  std::vector<Parameter*> parameters_;
  Config untrained_options_, kept_options_;
};

using LayerPtr = std::shared_ptr<Layer>;

/// The layer that Keras' class name and config (Keras 2's and 3's keys) describe. Throws
/// ErrorKind::model_file in a sentence that names the layer where the class is unknown or an option changes
/// the result in a way that is not supported.
LayerPtr make_layer(const std::string& class_name, const Config& config);

/// "conv2d" of "Conv2D", "max_pooling2d" of "MaxPooling2D": how Keras names a layer by its class.
std::string snake_case(std::string_view class_name);

}  // namespace manul
