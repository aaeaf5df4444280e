// A learning rate schedule of one's own: trains with it, saves, loads, and finds the rate where it was.
#include <cstdio>
#include <filesystem>

#include "halving.h"
#include "manul/manul.h"

using namespace manul;

/// The learning rate of the next step.
double next_rate(const Model& model) {
  return model.optimizer().learning_rate().schedule()->at(model.state().read().iteration);
}

int main() {
  Tensor x = Tensor::from(std::vector<float>{0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2}, {8, 1}), y = 3 * x - 1;
  Sequential model({1});
  model.add(Dense{.units = 1});
  model.compile(Adam({.learning_rate = mine::Halving{.initial_learning_rate = 0.2, .every = 100}}), "mse");
  model.fit(x, y, {.epochs = 200, .batch_size = 4});  // two steps an epoch: four halvings
  double loss = model.evaluate(x, y)[0].second;
  std::printf("loss %.5f, learning rate %.5f\n", loss, next_rate(model));

  std::string file = std::filesystem::temp_directory_path() / "manul_own_schedule.h5";
  model.save(file);
  Model again = Model::load(file, {.training = true});
  std::filesystem::remove(file);
  return loss < 1e-3 && next_rate(model) == next_rate(again) && next_rate(again) < 0.2 / 15 ? 0 : 1;
}
