#include "manul/models/zoo/zoo.h"

#include <algorithm>
#include <cctype>

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
      {"lenet5", "LeNet-5", "", "lenet5", {28, 28, 1}, 12, 10, rescale, false, zoo::lenet5},
      {"resnet18", "ResNet-18", "", "resnet18", imagenet, 32, 1000, torch, false, zoo::resnet18},
      {"resnet34", "ResNet-34", "", "resnet34", imagenet, 32, 1000, torch, false, zoo::resnet34},
      {"vgg16", "VGG16", "VGG16", "vgg16", imagenet, 32, 1000, caffe, false, zoo::vgg16},
      {"vgg19", "VGG19", "VGG19", "vgg19", imagenet, 32, 1000, caffe, false, zoo::vgg19},
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

Model build_network(std::string_view name, const NetworkOptions& options) {
  return find_network(name).build(options);
}

}  // namespace manul
