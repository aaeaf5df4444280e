// A layer with a learned weight, written outside Manul: a struct, describe(), call() and a registration.
// Files keep it like Keras' own.
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "manul/manul.h"
#include "manul/ops/losses/kinds/mean_squared_error.h"

using namespace manul;

/// x * sigmoid(beta * x), scaled by one learned factor a channel.
struct ScaledSwish {
  static constexpr const char* class_name = "Mine>ScaledSwish";
  double beta = 1;
  std::string name = {};
  bool trainable = true;
  Weight factor = {};  // made by build()

  void describe(Description& description) { description.option("beta", beta, at_least(0)); }
  void build(const Shape& input, Weights& weights) {
    weights.add(factor, "factor", {input[-1]}, Initializer::ones());
  }
  Tensor call(const Tensor& x) const { return multiply(x * sigmoid(x * beta), factor); }
};
const LayerRegistration<ScaledSwish> scaled_swish_registration;  // files that have it can be loaded

int main() {
  // Learn y = |x0 - x1|.
  std::vector<float> inputs, outputs;
  for (int i = 0; i < 512; ++i) {
    float a = static_cast<float>(std::sin(i * 0.7)), b = static_cast<float>(std::cos(i * 1.3));
    inputs.insert(inputs.end(), {a, b});
    outputs.push_back(std::abs(a - b));
  }
  Tensor x = Tensor::from(inputs, {512, 2}), y = Tensor::from(outputs, {512, 1});

  Sequential model({2});
  model.add(Dense{.units = 16});
  model.add(ScaledSwish{.beta = 1.5});
  model.add(Dense{.units = 1});
  model.compile(Adam({.learning_rate = 0.01}), MeanSquaredError{});
  model.fit(x, y, {.epochs = 30});
  double loss = model.evaluate(x, y)[0].second;

  std::string path = (std::filesystem::temp_directory_path() / "manul_own_layer.h5").string();
  model.save(path);
  Model loaded = Model::load(path);
  bool same = loaded.predict(x).to_vector<float>() == model.predict(x).to_vector<float>();
  std::filesystem::remove(path);
  std::printf("loss %.4f, loaded model predicts %s\n", loss, same ? "the same" : "something else");
  return loss < 0.02 && same ? 0 : 1;
}
