#include "manul/layers/config/keras_objects.h"

namespace manul {

Config glorot_uniform_config() {
  return Config::object("GlorotUniform", Config::map({{"seed", nullptr}}));
}
Config zeros_config() {
  return Config::object("Zeros", Config::map());
}
Config ones_config() {
  return Config::object("Ones", Config::map());
}

void describe_kernel_and_bias(Description& description) {
  description.kept({"kernel_initializer", "init"}, glorot_uniform_config());
  description.kept("bias_initializer", zeros_config());
  description.for_training({"kernel_regularizer", "W_regularizer"});
  description.for_training({"bias_regularizer", "b_regularizer"});
  description.for_training("activity_regularizer");
  description.for_training({"kernel_constraint", "W_constraint"});
  description.for_training({"bias_constraint", "b_constraint"});
}

}  // namespace manul
