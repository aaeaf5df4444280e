#pragma once

#include "manul/layers/config/registry.h"
#include "manul/layers/layer.h"

namespace manul {

/// The layer of a struct of options. This is all that a layer takes:
///
///     struct Swish {
///       static constexpr const char* class_name = "Mine>Swish";
///       double beta = 1;
///       std::string name = {};
///
///       void describe(Description& description) { description.option("beta", beta); }
///       Tensor call(const Tensor& x) const { return multiply(x, sigmoid(scale(x, beta))); }
///     };
///     inline const LayerRegistration<Swish> swish_registration;  // files with it can be loaded
///
/// What the struct may have:
///     static constexpr int input_rank                    axes of a sample, if only so many fit
///     static constexpr const char* keras_module          where Keras 3 has it, if not in keras.layers
///     name, trainable, Weight ..                         kept as the layer's are
///     Shape output_shape(const Shape&) const             otherwise the input's
///     void build(const Shape&, Weights&)                 if it has parameters
///     Tensor call(const Tensor&[, const CallContext&]) const
///     std::optional<Activation> as_activation() const    see Layer
///     std::shared_ptr<const Regularizer> activity_regularizer() const
///     static constexpr bool identity_in_inference = true   if only training changes the input, as Dropout
///     static constexpr bool adds_losses = true           if calls add to context.losses, as Keras' add_loss
///     static constexpr bool autocast = false             if inputs are no numbers to compute with, see Layer
///     static constexpr bool regularizes_outputs          false: its activity_regularizer is of other tensors
///     static constexpr bool supports_masking = true      the outputs have the first input's mask
///     bool gives_mask(const std::vector<bool>&) const    see Layer, with or without
///     Tensor compute_mask(inputs, masks) const
/// With several inputs or outputs: std::vector<Shape> and std::vector<Tensor> in place of Shape and Tensor,
/// and output_shapes in place of output_shape if it gives several.
template <LayerOptions Options>
class LayerOf final : public Layer {
 public:
  explicit LayerOf(Options options)
      : Layer(name_in(options), trainable_in(options)), options_(std::move(options)) {
    if constexpr (!requires { Options::registered; }) static const LayerRegistration<Options> registration;
    OptionChecker checker(Options::class_name);
    options_.describe(checker);
    LayerOf::renamed();
  }

  const Options& options() const { return options_; }
  /// What calls look at may be changed at any time, what build() has used no more.
  Options& options() { return options_; }

  /// Of a config that a file has.
  static LayerPtr from_config(const Config& config);
  /// Makes the class name known to files; a second time is nothing.
  static void register_class();

  std::string class_name() const override { return Options::class_name; }

  std::vector<Shape> output_shapes(const std::vector<Shape>& inputs) const override {
    if constexpr (requires { options_.output_shapes(inputs); })
      return options_.output_shapes(inputs);
    else if constexpr (requires { options_.output_shape(inputs); })
      return {options_.output_shape(inputs)};
    else if constexpr (requires { options_.output_shape(inputs[0]); })
      return {options_.output_shape(only_input(inputs))};
    else
      return {only_input(inputs)};
  }

  std::vector<Tensor> call(const std::vector<Tensor>& inputs, const CallContext& context) const override {
    if constexpr (requires { options_.call(inputs, context); })
      return listed(options_.call(inputs, context));
    else if constexpr (requires { options_.call(inputs); })
      return listed(options_.call(inputs));
    else if constexpr (requires { options_.call(inputs[0], context); })
      return listed(options_.call(inputs.at(0), context));
    else
      return listed(options_.call(inputs.at(0)));
  }

  std::optional<Activation> as_activation() const override {
    if constexpr (requires { options_.as_activation(); })
      return options_.as_activation();
    else
      return std::nullopt;
  }

  std::shared_ptr<const Regularizer> activity_regularizer() const override {
    if constexpr (requires { options_.activity_regularizer(); })
      return options_.activity_regularizer();
    else
      return Layer::activity_regularizer();
  }

  bool autocasts() const override {
    if constexpr (requires { Options::autocast; })
      return Options::autocast;
    else
      return true;
  }

  bool is_identity_in_inference() const override {
    if constexpr (requires { Options::identity_in_inference; })
      return Options::identity_in_inference;
    else
      return false;
  }

  bool adds_losses() const override {
    if constexpr (requires { Options::adds_losses; })
      return Options::adds_losses;
    else
      return Layer::adds_losses();
  }

  bool gives_mask(const std::vector<bool>& masked) const override {
    if constexpr (requires { options_.gives_mask(masked); })
      return options_.gives_mask(masked);
    else if constexpr (requires { Options::supports_masking; })
      return Options::supports_masking && !masked.empty() && masked[0];
    else
      return false;
  }

  Tensor compute_mask(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) const override {
    if constexpr (requires { options_.compute_mask(inputs, masks); })
      return options_.compute_mask(inputs, masks);
    else
      return Layer::compute_mask(inputs, masks);
  }

 protected:
  bool regularizes_outputs() const override {
    if constexpr (requires { Options::regularizes_outputs; })
      return Options::regularizes_outputs;
    else
      return true;
  }
  void declare(const std::vector<Shape>& inputs, Weights& weights) override {
    if constexpr (requires { options_.build(inputs, weights); })
      options_.build(inputs, weights);
    else if constexpr (requires { options_.build(inputs[0], weights); })
      options_.build(inputs.at(0), weights);
  }
  void describe(Description& description) const override {
    Options copy = options_;
    copy.describe(description);
  }
  void renamed() override {
    if constexpr (requires { options_.name; }) options_.name = name();
    if constexpr (requires { options_.trainable; }) options_.trainable = trainable();
  }

 private:
  static constexpr std::string_view keras_module() {
    if constexpr (requires { Options::keras_module; })
      return Options::keras_module;
    else
      return "keras.layers";
  }
  static std::string name_in(const Options& options) {
    if constexpr (requires { options.name; })
      return options.name;
    else
      return {};
  }
  static bool trainable_in(const Options& options) {
    if constexpr (requires { options.trainable; })
      return options.trainable;
    else
      return true;
  }
  static std::vector<Tensor> listed(std::vector<Tensor> tensors) { return tensors; }
  static std::vector<Tensor> listed(Tensor tensor) {
    std::vector<Tensor> list;
    list.push_back(std::move(tensor));
    return list;
  }

  const Shape& only_input(const std::vector<Shape>& inputs) const {
    check(inputs.size() == 1, "{}: a {} takes one input, not {}", name(), Options::class_name, inputs.size());
    if constexpr (requires { Options::input_rank; })
      check(inputs[0].rank() == Options::input_rank, "{}: a {} takes samples of {} axes, not {}", name(),
            Options::class_name, Options::input_rank, inputs[0]);
    return inputs[0];
  }

  Options options_;
};

/// The options of a layer if it is one of this struct, otherwise null.
template <LayerOptions Options>
const Options* options_of(const Layer& layer) {
  const auto* found = dynamic_cast<const LayerOf<Options>*>(&layer);
  return found ? &found->options() : nullptr;
}

template <LayerOptions Options>
LayerPtr LayerOf<Options>::from_config(const Config& config) {
  Options options;
  OptionReader reader(config, common_option_keys);
  options.describe(reader);
  reader.finish();
  if constexpr (requires { options.name; }) options.name = config.get("name", "");
  bool trainable = config.get("trainable", true);
  if constexpr (requires { options.trainable; }) options.trainable = trainable;
  auto layer = std::make_shared<LayerOf<Options>>(std::move(options));
  if (layer->name().empty()) layer->set_name(config.get("name", ""));
  layer->set_trainable(trainable);
  layer->keep(std::move(reader.kept), std::move(reader.untrained), read_dtype_policy(config));
  return layer;
}

template <LayerOptions Options>
void LayerOf<Options>::register_class() {
  register_layer({Options::class_name, from_config,
                  [](Description& description) { Options().describe(description); }, &typeid(Options),
                  keras_module()});
}

/// Makes a struct's class name known to make_layer() and so to files: one object in its header. Manul's own
/// headers also say `extern template class LayerOf<Struct>;` and their sources instantiate it: every source
/// that includes them would compile all layers otherwise, for ten seconds.
template <class Options>
struct LayerRegistration {
  LayerRegistration() { LayerOf<Options>::register_class(); }
};

}  // namespace manul
