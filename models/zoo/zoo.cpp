#include "manul/models/zoo/zoo.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "manul/framework/error.h"
#include "manul/models/zoo/networks.h"

namespace manul {
namespace {

const Shape imagenet{224, 224, 3};
using enum PreprocessMode;

std::string letters_and_digits(std::string_view name) {
  std::string kept;
  for (unsigned char letter : name)
    if (std::isalnum(letter)) kept += static_cast<char>(std::tolower(letter));
  return kept;
}

}  // namespace

const std::vector<Network>& networks() {
  // name, title, keras_class, model_name, input_shape, least_side, classes, preprocess, within the network
  static const std::vector<Network> all{
      {"catdog", "the article's", "", "catdog", {64, 64, 3}, 9, 1, rescale, false, zoo::catdog},
      {"convnexttiny", "ConvNeXt-Tiny", "ConvNeXtTiny", "convnext_tiny", imagenet, 32, 1000, torch, true,
       zoo::convnexttiny},
      {"densenet121", "DenseNet-121", "DenseNet121", "densenet121", imagenet, 32, 1000, torch, false,
       zoo::densenet121},
      {"efficientnetb0", "EfficientNet-B0", "EfficientNetB0", "efficientnetb0", imagenet, 32, 1000, rescale,
       true, zoo::efficientnetb0},
      {"efficientnetv2b0", "EfficientNetV2-B0", "EfficientNetV2B0", "efficientnetv2-b0", imagenet, 32, 1000,
       torch, true, zoo::efficientnetv2b0},
      {"inceptionv3",
       "Inception-v3",
       "InceptionV3",
       "inception_v3",
       {299, 299, 3},
       75,
       1000,
       tf,
       false,
       zoo::inceptionv3},
      {"lenet5", "LeNet-5", "", "lenet5", {28, 28, 1}, 12, 10, rescale, false, zoo::lenet5},
      {"mobilenetv2", "MobileNetV2", "MobileNetV2", "mobilenetv2_1.00_224", imagenet, 32, 1000, tf, false,
       zoo::mobilenetv2},
      {"mobilenetv3large", "MobileNetV3-Large", "MobileNetV3Large", "MobileNetV3Large", imagenet, 32, 1000,
       tf, true, zoo::mobilenetv3large},
      {"mobilenetv3small", "MobileNetV3-Small", "MobileNetV3Small", "MobileNetV3Small", imagenet, 32, 1000,
       tf, true, zoo::mobilenetv3small},
      {"resnet18", "ResNet-18", "", "resnet18", imagenet, 32, 1000, torch, false, zoo::resnet18},
      {"resnet34", "ResNet-34", "", "resnet34", imagenet, 32, 1000, torch, false, zoo::resnet34},
      {"resnet50", "ResNet-50", "ResNet50", "resnet50", imagenet, 32, 1000, caffe, false, zoo::resnet50},
      {"resnet50v2", "ResNet-50, second version", "ResNet50V2", "resnet50v2", imagenet, 32, 1000, tf, false,
       zoo::resnet50v2},
      {"unet", "U-Net", "", "unet", {256, 256, 3}, 16, 1, rescale, false, zoo::unet},
      {"vgg16", "VGG16", "VGG16", "vgg16", imagenet, 32, 1000, caffe, false, zoo::vgg16},
      {"vgg19", "VGG19", "VGG19", "vgg19", imagenet, 32, 1000, caffe, false, zoo::vgg19},
      {"vit", "a small vision transformer", "", "vit", {72, 72, 3}, 12, 1000, tf, false, zoo::vit},
      {"xception", "Xception", "Xception", "xception", {299, 299, 3}, 71, 1000, tf, false, zoo::xception},
  };
  return all;
}

const Network& find_network(std::string_view name) {
  std::string wanted = letters_and_digits(name), names;
  for (const Network& network : networks()) {
    for (std::string_view known : {network.name, network.keras_class, network.model_name})
      if (!wanted.empty() && letters_and_digits(known) == wanted) return network;
    names += (names.empty() ? "" : ", ") + std::string(network.name);
  }
  fail(ErrorKind::usage, "there is no network {}, but {}", name, names);
}

Model Network::build(const NetworkOptions& options) const {
  NetworkBuilder network(*this, options);
  Symbol x = network.input();
  return network.finish(layers(network, x));
}

bool Network::wants_imagenet_layer(const Model& model) const {
  if (name != "efficientnetb0") return false;
  constexpr double tolerance = 1e-3;
  for (const Parameter& parameter : model.parameters().all()) {
    if (parameter.path != "normalization/variance" || parameter.shape.elements() != 3) continue;
    std::vector<double> variance = parameter.value.to(Device::cpu()).to(DType::f64).to_vector<double>();
    bool is_deviation = true, is_variance = true;
    for (size_t i = 0; i < 3; ++i) {
      double deviation = imagenet_deviation[i];
      is_deviation = is_deviation && std::abs(variance[i] - deviation) < tolerance;
      is_variance = is_variance && std::abs(variance[i] - deviation * deviation) < tolerance;
    }
    return is_deviation || is_variance;
  }
  return false;
}

Model build_network(std::string_view name, const NetworkOptions& options) {
  return find_network(name).build(options);
}

}  // namespace manul
