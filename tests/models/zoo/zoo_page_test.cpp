#include <gtest/gtest.h>

#include "manul/models/zoo/zoo.h"
#include "manul/tests/documentation_page.h"

// The page of the documentation, made from the table of networks.
namespace manul {
namespace {

std::string row(const Network& network) {
  Model model = network.build();
  int64_t parameters = model.parameters().trainable_count() + model.parameters().statistics_count();
  const Shape& shape = network.input_shape;
  return fmt::format(
      "| `{}` | {} | {} | {:.2f} | {} x {} x {} | {} | {} |\n", network.name, network.title,
      network.keras_class.empty() ? "" : fmt::format("`{}`", network.keras_class),
      static_cast<double>(parameters) / 1e6, shape[0], shape[1], shape[2], network.classes,
      fmt::format("{}{}", name_of(network.preprocess), network.includes_preprocessing ? ", within" : ""));
}

std::string page() {
  std::string text = R"(# Ready-made networks

`build_network(name, options)` (`models/zoo/zoo.h`) gives a network by name, with weights drawn from the seed it is built with.
A file a network in `models/zoo/`, layer by layer as in `keras.applications` and with the names of its layers. This page is made by
`tests/models/zoo/zoo_page_test.cpp`: `MANUL_UPDATE_DOCS=1 build/tests/models_test --gtest_filter=ZooPage.*` writes it.

```cpp
Model network = build_network("mobilenetv2", {.input_shape = {96, 96, 3}, .classes = 10, .alpha = 0.5});
network.compile(Adam{}, Loss::sparse_categorical_crossentropy, {Metric::accuracy});

Model base = build_network("resnet50", {.input_shape = {128, 128, 3},
                                        .include_top = false,
                                        .pooling = PoolingKind::average,
                                        .include_preprocessing = true});
load_weights(base, "resnet50_notop.h5", {.by_name = true});
base.as_layer()->set_trainable(false);  // frozen; its BatchNormalization runs as in inference

Sequential classifier({128, 128, 3});  // takes pixels 0..255
classifier.add(base);
classifier.add(Dense{.units = 1, .activation = Activation::sigmoid});
```

| Name | Network | `keras.applications` | Million parameters | Input | Classes | Preprocessing |
|---|---|---|---|---|---|---|
)";
  for (const Network& network : networks()) text += row(network);
  text += R"(
A name is found however it is written: `ResNet50V2`, `efficientnetv2-b0`, `mobilenet_v3_small`. Parameters are those of the network with
its own input and classes, moving statistics included.

## Options

Those of `keras.applications`: `input_shape` (height, width, channels), `classes`, `classifier_activation` (softmax, or sigmoid where there
is one class), `include_top = false` for a base without the classifier and then `pooling`, `alpha` of MobileNets, U-Net and vit (the width), `name`.
`unet` gives a class for each pixel; the sides of its pictures are multiples of 16.

## Preprocessing

What Keras' `preprocess_input` does with pixels 0..255, here `preprocess_input(x, mode)`:

| Mode | |
|---|---|
| rescale | x / 255 |
| tf | x / 127.5 - 1 |
| torch | (x / 255 - mean) / deviation of the channel in ImageNet |
| caffe | BGR in place of RGB, minus the channel's mean in ImageNet |

A network with *within* has it as its first layers, as in Keras, and takes pixels 0..255. `include_preprocessing` changes that: `true` puts it into any
network, in layers that every Keras has, so that a saved model takes pixels as they are, here and in Python; `false` leaves it out. `efficientnetb0` has
mean and variance of the pixels as weights, 0 and 1 before a file is loaded.

## Weights

Manul brings none. A file of weights that Keras wrote of the same network (`model.save_weights`, or those that `keras.applications` offers) loads by
`load_weights`: in order, or by name, where parts of the network may differ. Layers that have no name of their own in Keras (all of `inceptionv3`, the shortcuts of
`xception`) are counted from the start of the Python program: load those in order, and those of
tf.keras' MobileNetV3, whose layers have other names in Keras 3 and here (`train --weights` finds that out by itself). `efficientnetb0` is built with `.for_imagenet_weights = true` for the
weights that Keras offers: its network has a layer more for these (`Network::wants_imagenet_layer` tells, and `train --weights` does it). Whole models of Keras, `.h5` and `.keras`, load by `Model::load` and need no network from here.

Of each the names of the layers, the shape of the output and the number of parameters are those of Keras, and the outputs of seven small ones too, with
weights from a formula. `tests/keras/compare_zoo.py` holds the others against Keras 2.15 and 3.15 with random weights: weights by name and in order, and whole
files both ways. `mobilenetv3large` and `mobilenetv3small` have
activations that are in Keras 3 alone (hard_silu): tf.keras 2.15 reads no model of theirs that is written here. `convnexttiny` has a layer that Keras keeps in
`keras.applications.convnext`: tf.keras wants to be told (`custom_objects={"LayerScale": LayerScale}`), for its own files as well.

`resnet18` and `resnet34` are those of torchvision with the names of Keras' ResNet50, `unet` is that of the paper with padded convolutions, `vit` a small
vision transformer whose positions come from a depthwise convolution, `catdog` the network of `train_catdog`.
)";
  return text;
}

TEST(ZooPage, OfTheDocumentationIsCurrent) {
  expect_documentation_page("zoo.md", page());
}

}  // namespace
}  // namespace manul
