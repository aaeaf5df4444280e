#include <gtest/gtest.h>

#include <algorithm>

#include "manul/framework/device.h"
#include "manul/ops/fused/conv_relu_pool.h"
#include "manul/testing/op_check.h"
#include "manul/tests/tf32_scope.h"

// The kernels that conv_relu_pool takes for many pixels on a GPU, against those for few.
namespace manul {
namespace {

struct WindowSample {
  std::string name;
  int64_t batch, size, channels, stride, filters;
};

void PrintTo(const WindowSample& sample, std::ostream* out) {
  *out << sample.name;
}

class ConvWindow : public testing::TestWithParam<WindowSample> {
 protected:
  void SetUp() override {
    std::optional<Device> gpu = test_gpu();
    if (!gpu) GTEST_SKIP() << why_no_gpu();
    device_ = *gpu;
  }

  /// The convolution of `batch` pictures of the sample.
  WindowGeometry geometry(int64_t batch) const {
    const auto& [name, whole, size, channels, stride, filters] = GetParam();
    int64_t output = (size - 3) / stride + 1;
    return {batch, channels, {size, size}, {output, output}, {3, 3}, {stride, stride}, {1, 1}, {0, 0}};
  }
  Tensor values(const Shape& shape, uint64_t salt) const {
    return test_values(shape, salt, DType::f32, device_);
  }
  Shape pooled_shape() const {
    int64_t pooled = geometry(1).output[0] / 2;
    return {GetParam().batch, pooled, pooled, GetParam().filters};
  }
  Tensor x() const {
    const WindowSample& s = GetParam();
    return values({s.batch, s.size, s.size, s.channels}, 1);
  }
  Tensor kernel() const { return values({GetParam().filters, 3, 3, GetParam().channels}, 2); }

  struct Output {
    Tensor pooled, winner;
  };
  /// In pieces of at most `most` pictures.
  Output forward(int64_t most) const {
    Output output{Tensor::empty(pooled_shape(), DType::f32, device_),
                  Tensor::empty(pooled_shape(), DType::u8, device_)};
    Tensor pictures = x(), weights = kernel(), bias = values({GetParam().filters}, 3);
    for (int64_t first = 0; first < GetParam().batch; first += most) {
      int64_t count = std::min(most, GetParam().batch - first);
      auto piece = [&](const Tensor& whole) {
        Shape sample = whole.shape().sample();
        return whole.range(first * sample.elements(), sample.batch_of(count));
      };
      conv_relu_pool_forward_kernel(piece(pictures), weights, bias, geometry(count), piece(output.pooled),
                                    piece(output.winner));
    }
    return output;
  }
  /// The gradients of kernel and bias.
  std::vector<Tensor> backward(const Tensor& winner) const {
    std::vector<Tensor> gradients{Tensor::empty(kernel().shape(), DType::f32, device_),
                                  Tensor::empty({GetParam().filters}, DType::f32, device_)};
    conv_relu_pool_backward_kernel(x(), winner, values(pooled_shape(), 4), geometry(GetParam().batch),
                                   gradients[0], gradients[1]);
    return gradients;
  }

  Device device_;
};

TEST_P(ConvWindow, ManyPicturesGiveWhatFewGive) {
  Output many = forward(GetParam().batch), few = forward(7);
  EXPECT_TRUE(equal_bits(many.pooled.to(Device::cpu()), few.pooled.to(Device::cpu())));
  EXPECT_TRUE(equal_bits(many.winner.to(Device::cpu()), few.winner.to(Device::cpu())));
}

TEST_P(ConvWindow, GradientsAgreeWithTheCpu) {
  Tensor winner = forward(GetParam().batch).winner;
  std::vector<Tensor> gradients = backward(winner), again = backward(winner);
  device_ = Device::cpu();
  std::vector<Tensor> expected = backward(winner.to(Device::cpu()));
  for (size_t i = 0; i < gradients.size(); ++i) {
    EXPECT_LE(normalised_error(gradients[i].to(Device::cpu()), expected[i]), 1e-5) << i;
    EXPECT_TRUE(equal_bits(gradients[i].to(Device::cpu()), again[i].to(Device::cpu()))) << i;
  }
}

TEST_P(ConvWindow, Tf32IsCloseToF32) {
  Output exact = forward(GetParam().batch);
  std::vector<Tensor> expected = backward(exact.winner);
  Tf32Scope tf32;
  EXPECT_LE(
      normalised_error(forward(GetParam().batch).pooled.to(Device::cpu()), exact.pooled.to(Device::cpu())),
      1e-3);
  std::vector<Tensor> gradients = backward(exact.winner);
  EXPECT_LE(normalised_error(gradients[0].to(Device::cpu()), expected[0].to(Device::cpu())), 1e-3);
  EXPECT_LE(normalised_error(gradients[1].to(Device::cpu()), expected[1].to(Device::cpu())), 1e-5);
}

// Sizes at which all of them are taken, and their last tiles are partly empty; few pictures of many pixels.
const WindowSample samples[] = {
    {"stride_1", 223, 64, 3, 1, 40}, {"stride_2", 97, 64, 3, 2, 40},     {"stride_3", 197, 64, 3, 3, 40},
    {"grey", 223, 64, 1, 1, 24},     {"few_pictures", 31, 64, 3, 1, 40},
};
INSTANTIATE_TEST_SUITE_P(, ConvWindow, testing::ValuesIn(samples), name_of_sample);

}  // namespace
}  // namespace manul
