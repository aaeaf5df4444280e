#pragma once

#include <optional>
#include <string>
#include <vector>

#include "manul/framework/initializers/initializers.h"
#include "manul/layers/convnext.h"
#include "manul/layers/layers.h"
#include "manul/models/zoo/zoo.h"

namespace manul {

/// A network in the making: its graph and options, and what most networks have in common.
class NetworkBuilder {
 public:
  /// Throws if the options do not fit the network.
  NetworkBuilder(const Network& network, const NetworkOptions& options);

  /// The input, and what stands before the network's own layers.
  Symbol input();
  Symbol apply(const LayerPtr& layer, const Symbol& x) { return apply(layer, std::vector<Symbol>{x}); }
  Symbol apply(const LayerPtr& layer, const std::vector<Symbol>& x);
  Model finish(const Symbol& output);

  Shape shape(const Symbol& x) const { return graph_.shape(x); }
  int64_t channels(const Symbol& x) const { return shape(x)[-1]; }

  bool include_top() const { return options_.include_top; }
  int64_t classes() const { return options_.classes; }
  Activation classifier_activation() const;
  double alpha();
  /// Whether the network's own layers of preprocessing, if it has some in Keras, belong to it.
  bool include_preprocessing() const { return *options_.include_preprocessing; }

  /// How the kernels of convolutions and dense layers that are applied from now on are drawn.
  void draw_kernels(const Initializer& convolutions, const Initializer& dense = "glorot_uniform");
  /// See NetworkOptions.
  bool for_imagenet_weights();
  /// Unless the options have a name for the model.
  void call_model(const std::string& name);

  /// keras.applications' usual end: `avg_pool`, a dropout if `dropout` is more than 0 and the dense layer
  /// `predictions`; without the top what `pooling` says.
  Symbol usual_top(Symbol x, double dropout = 0);
  /// The last dense layer.
  Symbol predictions(const Symbol& x, const std::string& name = "predictions");
  /// Without the top: pooled as the options say, by layers of these names (empty: Keras counts).
  Symbol pooled(const Symbol& x, const std::string& average = "avg_pool",
                const std::string& max = "max_pool");

 private:
  void check_shape() const;
  Symbol preprocessing(Symbol x);

  const Network& network_;
  NetworkOptions options_;
  Graph graph_;
  std::optional<Initializer> convolution_kernels_, dense_kernels_;
  bool asked_for_alpha_ = false, asked_for_imagenet_weights_ = false;
};

/// The zeros before a convolution of this kernel with strides 2 and no padding of its own, as
/// keras.applications pads: one less before than behind where the length is even.
Borders2D padding_for_strides(const Shape& picture, int64_t kernel);

/// A number of filters as MobileNets and EfficientNets round it: to a multiple of 8, not below 0.9 of it.
int64_t rounded_filters(double filters);

}  // namespace manul
