#include "manul/layers/pooling.h"

#include "manul/layers/sequence.h"
#include "manul/ops/pointwise/where.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {

template <PoolingKind kind>
Tensor Pooling1D<kind>::call(const Tensor& x) const {
  return as_sequence(in_two_axes().call(as_row(x)));
}

template <PoolingKind kind, int axes>
Tensor GlobalPooling<kind, axes>::call(const Tensor& x, const CallContext& context) const {
  if (Tensor mask = context.mask(0); kind == PoolingKind::average && axes == 1 && mask.defined()) {
    Tensor counts = broadcast_to(expand_dims(mask, -1), x.shape());
    Tensor counted = where(counts, x, Tensor::zeros({1}, x.dtype(), x.device()));
    return divide(sum(counted, 1, keepdims), sum(counts, 1, keepdims));
  }
  Tensor picture = axes == 1 ? as_row(x) : x;
  Tensor y = kind == PoolingKind::max ? global_max_pool2d(picture) : global_average_pool2d(picture);
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
