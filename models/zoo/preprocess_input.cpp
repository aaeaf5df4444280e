#include "manul/models/zoo/preprocess_input.h"

#include <vector>

#include "manul/framework/error.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

Tensor of_channels(const std::array<double, 3>& values, const Tensor& like) {
  return Tensor::from(std::vector<double>(values.begin(), values.end()), {3})
      .to(like.dtype())
      .to(like.device());
}

Tensor reversed_channels(const Tensor& x) {
  std::vector<Tensor> channels;
  for (int64_t channel = 3; channel-- > 0;) channels.push_back(slice(x, -1, channel, channel + 1));
  return concat(channels);
}

}  // namespace

std::string_view name_of(PreprocessMode mode) {
  switch (mode) {
    case PreprocessMode::none:
      return "none";
    case PreprocessMode::rescale:
      return "rescale";
    case PreprocessMode::tf:
      return "tf";
    case PreprocessMode::torch:
      return "torch";
    case PreprocessMode::caffe:
      return "caffe";
  }
  return {};
}

Tensor preprocess_input(const Tensor& x, PreprocessMode mode) {
  bool of_rgb = mode == PreprocessMode::torch || mode == PreprocessMode::caffe;
  check(!of_rgb || (x.shape().rank() > 0 && x.shape()[-1] == 3),
        "preprocess_input: the mode {} takes three channels, not {}", name_of(mode), x.shape());
  switch (mode) {
    case PreprocessMode::none:
      return x;
    case PreprocessMode::rescale:
      return x / 255.0;
    case PreprocessMode::tf:
      return x / 127.5 - 1.0;
    case PreprocessMode::torch:
      return (x / 255.0 - of_channels(imagenet_mean, x)) / of_channels(imagenet_deviation, x);
    case PreprocessMode::caffe:
      return reversed_channels(x) - of_channels(caffe_mean, x);
  }
  return {};
}

}  // namespace manul
