#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manul/layers/pooling.h"
#include "manul/models/graph/model.h"
#include "manul/models/zoo/preprocess_input.h"

namespace manul {

class NetworkBuilder;

/// What can be chosen of a ready-made network, named as the arguments of keras.applications.
struct NetworkOptions {
  Shape input_shape = {};  // {height, width, channels}; empty: the network's own
  int64_t classes = 0;     // 0: the network's own
  /// softmax unless set; sigmoid where there is one class, of which a softmax is always 1.
  std::optional<Activation> classifier_activation = {};
  bool include_top = true;  // false: without the classifier, as a base for another
  /// Without the top: the last feature maps as one vector.
  std::optional<PoolingKind> pooling = {};
  double alpha = 1;  // the width of MobileNets, U-Net and vit: what the numbers of filters are multiplied by
  /// Whether the model takes pixels 0..255 and does all of preprocess_input() itself, in layers that every
  /// Keras has (of other than three channels in the mode tf, where its own is for colours). Unless set as in
  /// keras.applications, which has it within some networks.
  std::optional<bool> include_preprocessing = {};
  /// Of efficientnetb0: as Keras builds it for weights="imagenet", for those that keras.applications offers.
  bool for_imagenet_weights = false;
  std::string name = {};  // of the model; empty: Keras'
};

/// A ready-made network: one line of the table of networks().
struct Network {
  std::string_view name;         // "resnet50"
  std::string_view title;        // "ResNet-50"
  std::string_view keras_class;  // in keras.applications; empty: it is not there
  std::string_view model_name;   // of the model: Keras' if that has it
  Shape input_shape;             // {height, width, channels} unless chosen
  int64_t least_side;            // of a picture
  int64_t classes;               // unless chosen
  /// What keras.applications' preprocess_input does; within the network, or before it.
  PreprocessMode preprocess;
  bool includes_preprocessing;
  Symbol (*layers)(NetworkBuilder& network, Symbol x);  // from the input to the output

  /// The pixels of a picture's side unless chosen.
  int64_t side() const { return input_shape[0]; }
  /// The model, which is not built yet. Throws if the options do not fit the network.
  Model build(const NetworkOptions& options = {}) const;
  /// Whether the weights of a model of this network, which was built without for_imagenet_weights, want it:
  /// those that Keras trained on ImageNet, told by the statistics of pixels among them. With it such weights
  /// load as well and answer rightly.
  bool wants_imagenet_layer(const Model& model) const;
};

/// All of them, by name.
const std::vector<Network>& networks();

/// By its name, or Keras' class or model name; letters and digits alone count: "resnet50", "ResNet50V2",
/// "efficientnetv2-b0". Throws ErrorKind::usage listing the names if there is none.
const Network& find_network(std::string_view name);

/// A ready-made network with weights drawn from the seed it is built with. Weights of keras.applications'
/// network of the same options load into it by name or in order (load_weights, models/keras/h5.h).
///
///     Model model = build_network("resnet18", {.input_shape = {64, 64, 3}, .classes = 10});
Model build_network(std::string_view name, const NetworkOptions& options = {});

}  // namespace manul
