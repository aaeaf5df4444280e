// Two models with an optimizer each (Goodfellow et al. 2014): a generator learns to make points of a ring
// from noise, a discriminator to tell them from real ones. minimize() changes the parameters of its own
// optimizer alone.
#include <cmath>
#include <cstdio>
#include <random>

#include "manul/manul.h"

using namespace manul;

constexpr int64_t batch = 128;

std::mt19937 bits(7);
float uniform() {
  return static_cast<float>(bits()) / 4294967296.0F;
}

/// Noise, or points at a distance of 2 from the origin.
Tensor draw(bool on_ring) {
  Tensor points = Tensor::empty({batch, 2});
  float* at = points.mutable_data<float>();
  for (int64_t i = 0; i < batch; ++i) {
    float angle = 6.2831853F * uniform(), radius = on_ring ? 2 : uniform();
    at[2 * i] = radius * std::cos(angle);
    at[2 * i + 1] = radius * std::sin(angle);
  }
  return points;
}

double mean_radius(const Tensor& points) {
  double sum = 0;
  std::vector<float> at = points.to_vector<float>();
  for (size_t i = 0; i < at.size(); i += 2) sum += std::hypot(at[i], at[i + 1]);
  return 2 * sum / static_cast<double>(at.size());
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
  Tensor real = Tensor::full({batch, 1}, 1), made = Tensor::full({batch, 1}, 0);
  double before = mean_radius(generator.predict(draw(false)));
  for (int step = 0; step < 1500; ++step) {
    Tensor noise = draw(false);
    {
      Tape tape;
      Tensor of_real = discriminator.forward(draw(true));
      Tensor of_made = discriminator.forward(generator.forward(noise));
      Tensor loss = add(loss_from_logits(Loss::binary_crossentropy, of_real, real),
                        loss_from_logits(Loss::binary_crossentropy, of_made, made));
      tells.minimize(tape, loss, discriminator_state);
    }
    Tape tape;
    Tensor of_made = discriminator.forward(generator.forward(noise));
    generates.minimize(tape, loss_from_logits(Loss::binary_crossentropy, of_made, real), generator_state);
  }
  double after = mean_radius(generator.predict(draw(false)));
  std::printf("mean radius of what is generated: %.2f, then %.2f; of the ring: 2\n", before, after);
  return std::abs(after - 2) < 0.4 ? 0 : 1;
}
