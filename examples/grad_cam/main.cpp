// Where a network looks (keras.io: "Grad-CAM class activation visualization"; Selvaraju et al. 2017): the
// feature maps of a layer, each weighted by the mean gradient of the answer with respect to it.
//
//     grad_cam MODEL PICTURE LAYER     a Keras file, a picture, the name of the last convolution; writes
//     grad_cam.png grad_cam --quick                 a small network that learns shapes drawn to the left or
//     to the right
#include <algorithm>
#include <cstdio>
#include <string>

#include "manul/manul.h"

using namespace manul;

/// Of the first picture of x: the map of `layer`, f32 [1, height, width, 1] from 0 to 1.
Tensor grad_cam(const Model& model, const std::string& layer, const Tensor& x) {
  Symbol maps_of = model.output_of(layer);
  Model to_maps(model.inputs(), {maps_of}), to_answer({maps_of}, model.outputs());
  Tensor maps = to_maps.predict(x), gradient = Tensor::zeros(maps.shape());
  maps.watch(gradient);
  {
    Tape tape;
    Tensor answer = max(to_answer.forward(maps));  // of the class that is answered
    if (to_answer.graph().shape(to_answer.outputs()[0]) == Shape{1} && answer.item<float>() < 0.5F)
      answer = 1 - answer;
    tape.backward(answer, std::vector<Tensor>{maps});
  }
  Tensor weights = mean(gradient, {1, 2});
  Tensor map = relu(sum(maps * reshape(weights, {weights.shape()[-1]}), 3, true));
  return map / (max(map).item<float>() + 1e-12);
}

/// A network that tells discs from crosses, and a picture with one of them on the right and nothing on the
/// left.
std::pair<Model, Tensor> learned() {
  DrawnShapes discs = draw_shapes({.count = 200, .size = 16, .classes = 1});
  DrawnShapes crosses = draw_shapes({.count = 200, .size = 16, .first_class = 5, .classes = 1});
  Tensor shapes = cast(concat({discs.images, crosses.images}, 0), DType::f32);
  Tensor nothing = Tensor::zeros(shapes.shape());
  Tensor x = concat({concat({shapes, nothing}, 2), concat({nothing, shapes}, 2)}, 0) / 255;
  Tensor y = tile(concat({discs.labels, Tensor::full({200}, 1, DType::i32)}, 0), {2});
  Sequential model({16, 32, 1});
  model.add(Conv2D{.filters = 8,
                   .kernel_size = 5,
                   .strides = 2,
                   .padding = Padding::same,
                   .activation = Activation::relu});
  model.add(Conv2D{.filters = 16,
                   .kernel_size = 3,
                   .padding = Padding::same,
                   .activation = Activation::relu,
                   .name = "last"});
  model.add(GlobalAveragePooling2D{});
  model.add(Dense{.units = 2, .activation = Activation::softmax});
  model.compile(Adam({.learning_rate = 0.01}), Loss::sparse_categorical_crossentropy, {Metric::accuracy},
                {.seed = 1});
  History history = model.fit(x, y, {.epochs = 8, .batch_size = 20});
  check(history["loss"].back() < history["loss"].front(), "the loss does not fall");
  return {std::move(model), slice(x, 0, 600, 601)};
}

int main(int argc, char** argv) try {
  bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  if (!quick && argc != 4) {
    std::printf("usage: grad_cam MODEL PICTURE LAYER, or grad_cam --quick\n");
    return 2;
  }
  auto [model, x] =
      quick ? learned() : std::pair<Model, Tensor>(Model::load(argv[1], {.training = true}), Tensor());
  if (!quick) {
    Shape input = model.graph().shape(model.inputs()[0]);
    ImageOptions options{.height = static_cast<int>(input[0]), .width = static_cast<int>(input[1])};
    x = to_tensor(load_image(argv[2], options), {.scale = 1.0 / 255});
  }
  Tensor map = grad_cam(model, quick ? "last" : argv[3], x);
  Tensor gray = mean(x, 3, true);
  Tensor large = resize2d(map, {gray.shape()[1], gray.shape()[2]}, ResizeInterpolation::bilinear);
  save_png("grad_cam.png",
           picture_grid(concat({concat({gray, gray, gray}, 3), concat({large, gray, gray}, 3)}, 0)));
  std::printf("grad_cam.png: the picture, and in red what its answer comes from\n");
  if (!quick) return 0;

  double left = sum(slice(map, 2, 0, 8)).item<float>(), right = sum(slice(map, 2, 8, 16)).item<float>();
  std::printf("Of the map %.0f %% lie on the right, where the shape is\n", 100 * right / (left + right));
  return right > 2 * left ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
