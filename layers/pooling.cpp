#include "manul/layers/pooling.h"

#include "manul/ops/shape/shape_ops.h"

namespace manul {
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
