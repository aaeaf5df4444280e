// A U-Net says of each pixel whether it belongs to the thing in the picture (Ronneberger et al. 2015;
// keras.io: "Image segmentation with a U-Net-like architecture").
//
//     unet FOLDER [EPOCHS]    pictures in FOLDER/images, masks of the same names in FOLDER/masks (white: the
//     thing) unet --quick            a few steps on drawn shapes
// Both write masks.png: pictures that it was not trained on, their masks, and what it makes of them.
#include <cstdio>
#include <filesystem>
#include <string>

#include "manul/manul.h"
#include "manul/ops/metrics/kinds/binary_iou.h"

using namespace manul;

constexpr int side = 64;

Model network(int64_t channels, int64_t filters) {
  Graph graph;
  auto twice = [&](Symbol x, int64_t count) {
    for (int i = 0; i < 2; ++i) {
      x = graph.apply(Conv2D{.filters = count, .kernel_size = 3, .padding = Padding::same, .use_bias = false},
                      x);
      x = graph.apply(ReLU{}, graph.apply(BatchNormalization{}, x));
    }
    return x;
  };
  Symbol x = graph.apply(Rescaling{.scale = 1.0 / 255}, graph.input({side, side, channels}));
  std::vector<Symbol> skips;
  for (int level = 0; level < 3; ++level) {  // down: half as large, twice as many channels
    skips.push_back(twice(x, filters << level));
    x = graph.apply(MaxPooling2D{}, skips.back());
  }
  x = twice(x, filters << 3);
  for (int level = 3; level-- > 0;) {  // and up again, with what was seen on the way down
    x = graph.apply(Conv2DTranspose{.filters = filters << level, .kernel_size = 2, .strides = 2}, x);
    x = twice(graph.apply(Concatenate{}, {skips[static_cast<size_t>(level)], x}), filters << level);
  }
  graph.set_outputs({graph.apply(Conv2D{.filters = 1, .activation = Activation::sigmoid}, x)});
  return Model(std::move(graph));
}

struct Data {
  Tensor pictures, masks;  // masks: f32, 0 or 1
};

Data read(const std::filesystem::path& folder) {
  Tensor pictures =
      load_images(ImageFolder::pictures_below(folder / "images"), {.height = side, .width = side});
  Tensor masks = load_images(ImageFolder::pictures_below(folder / "masks"),
                             {.height = side, .width = side, .color_mode = ColorMode::grayscale});
  return {pictures, greater(cast(masks, DType::f32), 127)};
}

Data draw() {
  DrawnShapes shapes = draw_shapes({.count = 120, .size = side});
  return {shapes.images, cast(shapes.masks, DType::f32)};
}

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::printf("usage: unet FOLDER [EPOCHS], or unet --quick\n");
    return 2;
  }
  bool quick = std::string(argv[1]) == "--quick";
  int64_t epochs = quick ? 4 : argc > 2 ? std::stoll(argv[2]) : 30;
  Data data = quick ? draw() : read(argv[1]);

  Model model = network(data.pictures.shape()[-1], quick ? 4 : 32);
  model.compile(Adam({.learning_rate = quick ? 0.01 : 0.001}), Loss::binary_crossentropy,
                {Metric::accuracy, BinaryIoU{.target_class_ids = {1}}}, {.seed = 1});
  History history =
      model.fit(data.pictures, data.masks, {.epochs = epochs, .batch_size = 8, .validation_split = 0.2});

  int64_t count = data.pictures.shape()[0];
  Tensor last = slice(data.pictures, 0, count - 6, count);
  Tensor gray = mean(cast(last, DType::f32), 3, true) / 255;
  save_png("masks.png",
           picture_grid(concat({gray, slice(data.masks, 0, count - 6, count), model.predict(last)}, 0), 6));
  return history["loss"].back() < history["loss"].front() ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
