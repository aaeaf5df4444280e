// Pictures of cats and dogs, from files to an answer (keras.io: "Image classification from scratch"): a
// folder with one sub-folder a class is read and split, augmentation and a small Xception make the model, the
// best epoch is kept.
//
//     image_classification FOLDER [EPOCHS]     25 epochs by default; writes best.keras
//     image_classification --quick             a few steps on a few small pictures that it draws
#include <cstdio>
#include <filesystem>
#include <string>

#include "manul/manul.h"

using namespace manul;

Model network(int64_t side, const std::vector<int64_t>& widths, int64_t classes) {
  Graph graph;
  Symbol x = graph.input({side, side, 3});
  x = graph.apply(RandomFlip{.mode = "horizontal"}, x);  // random layers do nothing in prediction
  x = graph.apply(RandomRotation{.factor = 0.1}, x);
  auto convolution = [&](const LayerPtr& layer, const Symbol& of) {
    return graph.apply(BatchNormalization{}, graph.apply(layer, of));
  };
  x = convolution(Conv2D{.filters = widths[0], .kernel_size = 3, .strides = 2, .padding = Padding::same}, x);
  x = graph.apply(ReLU{}, x);
  Symbol before = x;
  for (size_t i = 1; i < widths.size(); ++i) {
    for (int twice = 0; twice < 2; ++twice)
      x = convolution(SeparableConv2D{.filters = widths[i], .kernel_size = 3, .padding = Padding::same},
                      graph.apply(ReLU{}, x));
    x = graph.apply(MaxPooling2D{.pool_size = 3, .strides = 2, .padding = Padding::same}, x);
    before = graph.apply(Conv2D{.filters = widths[i], .strides = 2, .padding = Padding::same}, before);
    x = before = graph.apply(Add{}, {x, before});
  }
  x = graph.apply(GlobalAveragePooling2D{}, x);
  x = graph.apply(Dropout{.rate = 0.25}, x);
  graph.set_outputs({classes == 2
                         ? graph.apply(Dense{.units = 1, .activation = Activation::sigmoid}, x)
                         : graph.apply(Dense{.units = classes, .activation = Activation::softmax}, x)});
  return Model(std::move(graph));
}

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::printf("usage: image_classification FOLDER [EPOCHS], or image_classification --quick\n");
    return 2;
  }
  bool quick = std::string(argv[1]) == "--quick";
  int64_t epochs = quick ? 4 : argc > 2 ? std::stoll(argv[2]) : 25;
  int side = quick ? 32 : 128;
  std::filesystem::path folder = argv[1];
  if (quick) {
    folder = std::filesystem::temp_directory_path() / "manul_image_classification";
    write_synthetic(folder, {.training = 60, .test = 1, .size = side});
    folder /= "training_set";
  }

  ImageFolder files = ImageFolder::scan(folder);
  std::printf("%s\n", files.summary().c_str());
  auto [training_files, validation_files] = files.split(0.2, 1);
  ImageDatasetOptions options{.image = {.height = side, .width = side}};  // rescaled to 0..1
  ImageDataset training(training_files, options), validation(validation_files, options);

  auto classes = static_cast<int64_t>(files.class_names.size());
  Model model = network(
      side, quick ? std::vector<int64_t>{8, 16, 24} : std::vector<int64_t>{128, 256, 512, 728}, classes);
  model.compile(Adam({.learning_rate = quick ? 0.003 : 0.0003}),
                classes == 2 ? Loss::binary_crossentropy : Loss::sparse_categorical_crossentropy,
                {Metric::accuracy}, {.seed = 1});
  ModelCheckpoint best({.filepath = "best.keras", .monitor = "val_loss", .save_best_only = true});
  History history = model.fit(
      training,
      {.epochs = epochs, .batch_size = quick ? 12 : 128, .validation = &validation, .callbacks = {&best}});

  Model kept = Model::load("best.keras");
  Tensor picture = to_tensor(load_image(validation_files.files[0].path, options.image), {.scale = 1.0 / 255});
  std::vector<float> answer = kept.predict(picture).to_vector<float>();
  std::printf("%s:", validation_files.files[0].path.filename().c_str());
  if (classes == 2) answer.insert(answer.begin(), 1 - answer[0]);
  for (size_t i = 0; i < answer.size(); ++i)
    std::printf(" %.1f %% %s", 100 * answer[i], files.class_names[i].c_str());
  std::printf("\n");
  return history["loss"].back() < history["loss"].front() ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
