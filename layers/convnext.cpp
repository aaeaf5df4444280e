#include "manul/layers/convnext.h"

#include "manul/framework/initializers/kinds/constant.h"
#include "manul/layers/regularization.h"

namespace manul {

Shape LayerScale::output_shape(const Shape& input) const {
  check(input.rank() > 0 && input[-1] == projection_dim,
        "{}: a LayerScale of {} channels does not fit samples {}", name, projection_dim, input);
  return input;
}

void LayerScale::build(const Shape& /*input*/, Weights& weights) {
  weights.add(gamma, "gamma", {projection_dim}, Constant{.value = init_values});
}

Tensor StochasticDepth::call(const Tensor& x, const CallContext& context) const {
  NoiseShape of_samples;
  for (int axis = 0; axis < x.shape().rank(); ++axis)
    of_samples.lengths.push_back(axis == 0 ? std::nullopt : std::optional<int64_t>(1));
  return Dropout{.rate = drop_path_rate, .noise_shape = of_samples, .name = name}.call(x, context);
}

template class LayerOf<LayerScale>;
template class LayerOf<StochasticDepth>;

}  // namespace manul
