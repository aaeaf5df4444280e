#include "manul/layers/pooling.h"

#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

/// A sequence as a picture of one row.
Tensor as_row(const Tensor& x) {
  return x.shape().rank() == 4 ? x : reshape(x, {x.shape()[0], 1, x.shape()[1], x.shape()[2]});
}

}  // namespace

template <PoolingKind kind>
Tensor Pooling1D<kind>::call(const Tensor& x) const {
  Tensor y = in_two_axes().call(as_row(x));
  return reshape(y, {y.shape()[0], y.shape()[2], y.shape()[3]});
}

template <PoolingKind kind, int axes>
Tensor GlobalPooling<kind, axes>::call(const Tensor& x) const {
  Tensor y = kind == PoolingKind::max ? global_max_pool2d(as_row(x)) : global_average_pool2d(as_row(x));
  return keepdims ? reshape(y, output_shape(x.shape().sample()).batch_of(x.shape()[0])) : y;
}

template struct Pooling1D<PoolingKind::max>;
template struct Pooling1D<PoolingKind::average>;
template struct GlobalPooling<PoolingKind::max, 1>;
template struct GlobalPooling<PoolingKind::max, 2>;
template struct GlobalPooling<PoolingKind::average, 1>;
template struct GlobalPooling<PoolingKind::average, 2>;

template class LayerOf<MaxPooling2D>;
template class LayerOf<AveragePooling2D>;
template class LayerOf<MaxPooling1D>;
template class LayerOf<AveragePooling1D>;
template class LayerOf<GlobalMaxPooling1D>;
template class LayerOf<GlobalMaxPooling2D>;
template class LayerOf<GlobalAveragePooling1D>;
template class LayerOf<GlobalAveragePooling2D>;

}  // namespace manul
