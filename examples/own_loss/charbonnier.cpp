// A loss of one's own, made of ops: the mean of sqrt((y - p)^2 + epsilon^2). It is registered, so a saved
// model names it and loads again.
#include <cstdio>
#include <filesystem>

#include "manul/manul.h"
#include "manul/ops/losses/loss_spec.h"

using namespace manul;

struct Charbonnier {
  double epsilon = 0.1;

  void describe(auto& description) { description.option("epsilon", epsilon); }
  operator LossSpec() const {
    return {"charbonnier",
            "Charbonnier",
            {},
            options_of(*this),
            [epsilon = epsilon](const Tensor& y, const Tensor& p) {
              return mean_of_rows(sqrt(scale(square(subtract(y, p)), 1, epsilon * epsilon)));
            }};
  }
};
const bool charbonnier_is_registered = register_loss<Charbonnier>();

int main() {
  std::vector<float> x, y;
  for (int i = 0; i < 64; ++i) {
    x.push_back(static_cast<float>(i) / 32 - 1);
    y.push_back(3 * x.back() + 0.5F);
  }
  Sequential model({1});
  model.add(Dense{.units = 1});
  model.compile(Adam({.learning_rate = 0.05}), Charbonnier{.epsilon = 0.2}, {"mae"});
  Tensor inputs = Tensor::from(x, {64, 1}), wanted = Tensor::from(y, {64, 1});
  History history = model.fit(inputs, wanted, {.epochs = 100});
  std::printf("loss %.4f to %.4f\n", history["loss"].front(), history["loss"].back());

  std::string file = (std::filesystem::temp_directory_path() / "manul_own_loss.h5").string();
  model.save(file);
  Model again = Model::load(file, {.training = true});
  std::filesystem::remove(file);
  bool same = again.evaluate(inputs, wanted) == model.evaluate(inputs, wanted);
  return same && history["mae"].back() < 0.1 * history["mae"].front() ? 0 : 1;
}
