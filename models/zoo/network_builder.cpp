#include "manul/models/zoo/network_builder.h"

#include <algorithm>

#include "manul/framework/error.h"

namespace manul {

NetworkBuilder::NetworkBuilder(const Network& network, const NetworkOptions& options)
    : network_(network), options_(options) {
  if (options_.input_shape.rank() == 0) options_.input_shape = network.input_shape;
  if (options_.classes == 0) options_.classes = network.classes;
  if (!options_.include_preprocessing) options_.include_preprocessing = network.includes_preprocessing;
  graph_.set_name(options_.name.empty() ? std::string(network.model_name) : options_.name);
  check_shape();
  check(options_.classes > 0, "{}: {} classes", network.name, options_.classes);
  check(options_.alpha > 0, "{}: alpha must be more than 0, not {}", network.name, options_.alpha);
  check(!options_.pooling || !options_.include_top,
        "{}: pooling is for a network without its top: set include_top to false", network.name);
}

void NetworkBuilder::check_shape() const {
  const Shape& shape = options_.input_shape;
  check(shape.rank() == 3, "{}: an input shape of three axes is wanted, height, width and channels, not {}",
        network_.name, shape);
  check(std::min(shape[0], shape[1]) >= network_.least_side && shape[2] > 0,
        "{}: the input shape is {}, and pictures of at least {}x{} are wanted", network_.name, shape,
        network_.least_side, network_.least_side);
}

Symbol NetworkBuilder::input() {
  Symbol x = graph_.input(options_.input_shape);
  bool outside_in_keras = include_preprocessing() && !network_.includes_preprocessing;
  return outside_in_keras ? preprocessing(x) : x;
}

/// preprocess_input() in Keras' layers; see there. No layer reverses an axis: the channels are cut apart.
Symbol NetworkBuilder::preprocessing(Symbol x) {
  auto name = [](const std::string& part) { return "preprocess_input_" + part; };
  Shape picture = shape(x);
  PreprocessMode mode = network_.preprocess;
  // Statistics of red, green and blue say nothing of other channels, for which Keras' EfficientNetV2 does so.
  if (picture[2] != 3 && (mode == PreprocessMode::torch || mode == PreprocessMode::caffe))
    mode = PreprocessMode::tf;
  switch (mode) {
    case PreprocessMode::none:
      return x;
    case PreprocessMode::rescale:
      return apply(Rescaling{.scale = 1 / 255.0, .name = name("scale")}, x);
    case PreprocessMode::tf:
      return apply(Rescaling{.scale = 1 / 127.5, .offset = -1.0, .name = name("scale")}, x);
    case PreprocessMode::torch: {
      std::vector<double> scales, offsets;
      for (size_t i = 0; i < 3; ++i) {
        scales.push_back(1 / (255 * imagenet_deviation[i]));
        offsets.push_back(-imagenet_mean[i] / imagenet_deviation[i]);
      }
      return apply(Rescaling{.scale = scales, .offset = offsets, .name = name("scale")}, x);
    }
    case PreprocessMode::caffe:
      break;
  }
  x = apply(Reshape{.target_shape = {-1, 3, 1}, .name = name("channels")}, x);
  std::vector<Symbol> channels;
  for (auto [channel, letter] : {std::pair{2, "blue"}, {1, "green"}, {0, "red"}}) {
    Border kept{channel, 2 - channel};
    channels.push_back(apply(Cropping2D{.cropping = {0, kept}, .name = name(letter)}, x));
  }
  x = apply(Concatenate{.axis = 2, .name = name("bgr")}, channels);
  x = apply(Reshape{.target_shape = {picture[0], picture[1], picture[2]}, .name = name("picture")}, x);
  std::vector<double> offsets;
  for (double mean : caffe_mean) offsets.push_back(-mean);
  return apply(Rescaling{.offset = offsets, .name = name("offset")}, x);
}

Activation NetworkBuilder::classifier_activation() const {
  return options_.classifier_activation.value_or(classes() == 1 ? Activation::sigmoid : Activation::softmax);
}

double NetworkBuilder::alpha() {
  asked_for_alpha_ = true;
  return options_.alpha;
}

void NetworkBuilder::draw_kernels(const Initializer& convolutions, const Initializer& dense) {
  convolution_kernels_ = convolutions;
  dense_kernels_ = dense;
}

Symbol NetworkBuilder::apply(const LayerPtr& layer, const std::vector<Symbol>& x) {
  if (convolution_kernels_) {
    if (options_of<Conv2D>(*layer)) layer->initialize("kernel", *convolution_kernels_);
    if (options_of<DepthwiseConv2D>(*layer)) layer->initialize("depthwise_kernel", *convolution_kernels_);
    if (options_of<Dense>(*layer)) layer->initialize("kernel", *dense_kernels_);
  }
  return graph_.apply(layer, x);
}

bool NetworkBuilder::for_imagenet_weights() {
  asked_for_imagenet_weights_ = true;
  return options_.for_imagenet_weights;
}

void NetworkBuilder::call_model(const std::string& name) {
  if (options_.name.empty()) graph_.set_name(name);
}

Symbol NetworkBuilder::usual_top(Symbol x, double dropout) {
  if (!include_top()) return pooled(x);
  x = apply(GlobalAveragePooling2D{.name = "avg_pool"}, x);
  if (dropout > 0) x = apply(Dropout{.rate = dropout, .name = "top_dropout"}, x);
  return predictions(x);
}

Symbol NetworkBuilder::predictions(const Symbol& x, const std::string& name) {
  return apply(Dense{.units = classes(), .activation = classifier_activation(), .name = name}, x);
}

Symbol NetworkBuilder::pooled(const Symbol& x, const std::string& average, const std::string& max) {
  if (!options_.pooling) return x;
  return *options_.pooling == PoolingKind::max ? apply(GlobalMaxPooling2D{.name = max}, x)
                                               : apply(GlobalAveragePooling2D{.name = average}, x);
}

Model NetworkBuilder::finish(const Symbol& output) {
  check(asked_for_alpha_ || options_.alpha == 1, "{}: it has one width alone, alpha is not for it",
        network_.name);
  check(asked_for_imagenet_weights_ || !options_.for_imagenet_weights,
        "{}: for_imagenet_weights is not for it: Keras builds it alike for all weights", network_.name);
  graph_.set_outputs({output});
  return Model(std::move(graph_));
}

Borders2D padding_for_strides(const Shape& picture, int64_t kernel) {
  auto border = [&](int64_t length) { return Border{kernel / 2 - (1 - length % 2), kernel / 2}; };
  return {border(picture[0]), border(picture[1])};
}

int64_t rounded_filters(double filters) {
  int64_t rounded = std::max<int64_t>(8, static_cast<int64_t>(filters + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * filters ? rounded + 8 : rounded;
}

}  // namespace manul
