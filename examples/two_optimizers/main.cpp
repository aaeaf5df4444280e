// Two models with an optimizer each (Goodfellow et al. 2014): a generator learns to make points of a ring
// from noise, a discriminator to tell them from real ones. minimize() changes the parameters of its own
// optimizer alone.
#include <cmath>
#include <cstdio>
#include <random>

#include "manul/manul.h"

using namespace manul;

/// 128 points within a circle of radius 1, or on one of radius 2.
Tensor draw(bool on_ring) {
  static std::mt19937 bits(7);
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<float> points;
  for (int i = 0; i < 128; ++i) {
    float angle = 6.2831853F * uniform(bits), radius = on_ring ? 2 : uniform(bits);
    points.insert(points.end(), {radius * std::cos(angle), radius * std::sin(angle)});
  }
  return Tensor::from(points, {128, 2});
}

double mean_radius(const Tensor& points) {
  return mean(sqrt(sum(square(points), {1}))).item<float>();
}

Sequential network(int64_t outputs, uint64_t seed) {
  Sequential model({2});
  model.add(Dense{.units = 32, .activation = Activation::relu});
  model.add(Dense{.units = outputs});
  model.build({.seed = seed});
  return model;
}

int main() {
  Sequential generator = network(2, 1), discriminator = network(1, 2);
  Adam generates({.learning_rate = 0.002, .beta_1 = 0.5}), tells({.learning_rate = 0.002, .beta_1 = 0.5});
  generates.attach(generator.parameters());
  tells.attach(discriminator.parameters());
  DeviceStepState generator_state, discriminator_state;
  auto loss_of = [&](const Tensor& points, double is_real) {
    Tensor labels = Tensor::full({128, 1}, is_real);
    return loss_from_logits(Loss::binary_crossentropy, discriminator.forward(points), labels);
  };
  double before = mean_radius(generator.predict(draw(false)));
  for (int step = 0; step < 1500; ++step) {
    Tensor noise = draw(false);
    {
      Tape tape;
      Tensor loss = loss_of(draw(true), 1) + loss_of(generator.forward(noise), 0);
      tells.minimize(tape, loss, discriminator_state);
    }
    Tape tape;
    generates.minimize(tape, loss_of(generator.forward(noise), 1), generator_state);
  }
  double after = mean_radius(generator.predict(draw(false)));
  std::printf("mean radius of what is generated: %.2f, then %.2f; of the ring: 2\n", before, after);
  return std::abs(after - 2) < 0.4 ? 0 : 1;
}
