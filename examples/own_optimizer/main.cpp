// An optimizer of one's own: trains with it, saves the model, loads it and goes on.
#include <cstdio>
#include <filesystem>

#include "manul/manul.h"
#include "sign_momentum.h"

using namespace manul;

int main() {
  std::filesystem::path folder = std::filesystem::temp_directory_path() / "manul_own_optimizer";
  write_synthetic(folder, {.training = 60, .test = 1, .size = 48});
  ImageDataset data(ImageFolder::scan(folder / "training_set"), {.image = {.height = 32, .width = 32}});

  Sequential model({32, 32, 3});
  model.add(Conv2D{.filters = 8, .kernel_size = 3, .activation = Activation::relu});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(Flatten{});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  model.compile(OptimizerOf<mine::SignMomentum>({.learning_rate = 0.002}), Loss::binary_crossentropy);
  History history = model.fit(data, {.epochs = 8, .batch_size = 16});
  double first = history["loss"].front(), last = history["loss"].back();
  std::printf("loss: %.3f, then %.3f\n", first, last);

  std::string file = folder / "own.h5";
  model.save(file);
  Model again = Model::load(file, {.training = true});
  bool is_same = again.optimizer().class_name() == "Mine>SignMomentum";
  double more = again.fit(data, {.epochs = 1, .batch_size = 16})["loss"].back();
  std::filesystem::remove_all(folder);
  return last < 0.7 * first && is_same && more < first ? 0 : 1;
}
