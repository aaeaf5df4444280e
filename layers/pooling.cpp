#include "manul/layers/pooling.h"

#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

template <class Pooling>
void describe_pooling(Description& description, Pooling& pooling) {
  description.option("pool_size", pooling.pool_size, at_least(1));
  description.option({"padding", "border_mode"}, pooling.padding);
  if (pooling.strides == Size2D(0)) pooling.strides = pooling.pool_size;
  description.option("strides", pooling.strides, at_least(1));
  description.fixed("data_format", "channels_last");
}

Shape pooled_shape(const std::string& name, const Shape& input, const Pool2DOptions& options) {
  WindowGeometry geometry = lay_window(name.c_str(), input.batch_of(1), pool_window(options));
  return {geometry.output[0], geometry.output[1], input[-1]};
}

}  // namespace

void MaxPooling2D::describe(Description& description) {
  describe_pooling(description, *this);
}
Shape MaxPooling2D::output_shape(const Shape& input) const {
  return pooled_shape(name, input, op_options());
}

void AveragePooling2D::describe(Description& description) {
  describe_pooling(description, *this);
}
Shape AveragePooling2D::output_shape(const Shape& input) const {
  return pooled_shape(name, input, op_options());
}

void GlobalAveragePooling2D::describe(Description& description) {
  description.fixed("data_format", "channels_last");
  description.option("keepdims", keepdims);
}
Shape GlobalAveragePooling2D::output_shape(const Shape& input) const {
  return keepdims ? Shape{1, 1, input[-1]} : Shape{input[-1]};
}
Tensor GlobalAveragePooling2D::call(const Tensor& x) const {
  Tensor y = global_average_pool2d(x);
  return keepdims ? reshape(y, {y.shape()[0], 1, 1, y.shape()[1]}) : y;
}

}  // namespace manul
