#include "manul/layers/config/convolution_options.h"

#include "manul/layers/config/keras_objects.h"

namespace manul {

void describe_depthwise_kernel(Description& description) {
  description.kept("depthwise_initializer", glorot_uniform_config());
  description.for_training("depthwise_regularizer");
  description.for_training("depthwise_constraint");
}

void describe_pointwise_kernel(Description& description) {
  description.kept("pointwise_initializer", glorot_uniform_config());
  description.for_training("pointwise_regularizer");
  description.for_training("pointwise_constraint");
  description.kept("kernel_initializer", glorot_uniform_config(), Written::if_set);
  description.kept("kernel_regularizer", {}, Written::if_set);
  description.kept("kernel_constraint", {}, Written::if_set);
}

void describe_bias(Description& description) {
  description.kept("bias_initializer", zeros_config());
  description.for_training("bias_regularizer");
  description.for_training("activity_regularizer");
  description.for_training("bias_constraint");
}

}  // namespace manul
