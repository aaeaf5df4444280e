#include "manul/layers/normalization.h"

#include "manul/layers/config/keras_objects.h"
#include "manul/ops/normalize/normalize.h"

namespace manul {

void BatchNormalization::describe(Description& description) {
  description.option("axis", axis);
  description.option("momentum", momentum, from_to(0, 1));
  description.option("epsilon", epsilon, at_least(0));
  description.option("center", center);
  description.option("scale", scale);
  description.kept({"beta_initializer", "beta_init"}, zeros_config());
  description.kept({"gamma_initializer", "gamma_init"}, ones_config());
  description.kept("moving_mean_initializer", zeros_config());
  description.kept("moving_variance_initializer", ones_config());
  for (const char* key : {"beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint"})
    description.for_training(key);
  description.fixed("mode", 0, Written::if_set);             // Keras 1: over features
  description.kept("synchronized", false, Written::if_set);  // Keras 3: over devices, of which there is one
  description.fixed("renorm", false, Written::if_set);       // tf.keras until 2.15
  description.kept("renorm_momentum", 0.99, Written::if_set);
}

Shape BatchNormalization::output_shape(const Shape& input) const {
  check(input.rank() > 0, "{}: a BatchNormalization takes samples of at least one axis", name);
  check(axis == -1 || axis == input.rank(),
        "{}: a BatchNormalization runs over the last axis, not over axis {} of a batch of samples {}", name,
        axis.value, input);
  return input;
}

void BatchNormalization::build(const Shape& input, Weights& weights) {
  Shape channels{input[-1]};
  if (scale) weights.add(gamma, "gamma", channels, Initializer::ones());
  if (center) weights.add(beta, "beta", channels, Initializer::zeros());
  weights.add_statistic(moving_mean, "moving_mean", channels, Initializer::zeros());
  weights.add_statistic(moving_variance, "moving_variance", channels, Initializer::ones());
}

Tensor BatchNormalization::call(const Tensor& x, const CallContext& context) const {
  if (context.training && trainable)
    return batch_normalize_training(x, gamma, beta, moving_mean, moving_variance, epsilon, momentum);
  return batch_normalize_inference(x, gamma, beta, moving_mean, moving_variance, epsilon);
}

}  // namespace manul
