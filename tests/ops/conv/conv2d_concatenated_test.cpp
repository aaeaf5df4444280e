#include "manul/ops/conv/conv2d_concatenated.h"

#include <gtest/gtest.h>

#include "manul/framework/tape.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/reduce/reduce.h"
#include "manul/ops/shape/shape_ops.h"
#include "manul/testing/op_check.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

struct ConcatenatedCase {
  std::vector<int64_t> channels;
  int64_t filters, height, width;
  Conv2DOptions options = {.padding = Padding::same};
  DType dtype = DType::f32;
  bool is_served = true;  // without a concatenation
};

struct OfConcatenated {
  std::vector<Tensor> parts;
  Tensor kernel, bias;

  explicit OfConcatenated(const ConcatenatedCase& c) {
    int64_t all = 0;
    uint64_t seed = 1;
    for (int64_t channels : c.channels) {
      parts.push_back(test_values({3, c.height, c.width, channels}, seed++, c.dtype));
      all += channels;
    }
    kernel = test_values({c.filters, 3, 3, all}, seed++, c.dtype);
    bias = test_values({c.filters}, seed++, c.dtype);
  }
};

/// The output and the gradients of the parts from `first` on, of the kernel and of the bias; the last part is
/// used once more.
std::vector<Tensor> results(const OfConcatenated& c, const Conv2DOptions& options, size_t first,
                            bool at_once) {
  std::vector<Tensor> watched(c.parts.begin() + static_cast<int64_t>(first), c.parts.end());
  watched.insert(watched.end(), {c.kernel, c.bias});
  std::vector<Tensor> all(1);
  for (const Tensor& tensor : watched) {
    all.push_back(Tensor::empty_like(tensor));
    tensor.watch(all.back());
  }
  Tape tape;
  std::vector<Tensor> parts = c.parts;
  parts.back() = scale(parts.back(), 2);
  const Tensor twice = scale(parts.back(), 3);
  all[0] = at_once ? conv2d_of_concatenated(parts, c.kernel, c.bias, options)
                   : conv2d(concat(parts, -1), c.kernel, c.bias, options);
  const Tensor weights = test_values(all[0].shape(), 20, c.kernel.dtype());
  tape.backward(add(sum(multiply(all[0], weights)), sum(multiply(twice, twice))));
  return all;
}

const ConcatenatedCase concatenated_cases[] = {
    {{32, 32}, 32, 9, 11},
    {{16, 48, 32}, 48, 8, 7},
    {{64}, 64, 6, 6},
    {{80, 48}, 160, 12, 13},
    {{256, 144}, 272, 6, 6},
    {{32, 32}, 32, 9, 11, {.borders = {{0, 1}, {2, 0}}}},
    {{32, 30}, 32, 9, 11, {.padding = Padding::same}, DType::f32, false},
    {{32, 32}, 32, 9, 11, {.strides = {2, 2}}, DType::f32, false},
    {{32, 32}, 32, 9, 11, {.padding = Padding::same}, DType::f64, false},
    {{3, 5}, 4, 7, 6, {.padding = Padding::same}, DType::f32, false},
};

TEST(Conv2DOfConcatenated, GivesTheBitsOfTheTwoOps) {
  for (const ConcatenatedCase& c : concatenated_cases)
    for (size_t first : {size_t{0}, c.channels.size() - 1}) {
      const OfConcatenated convolution(c);
      const std::vector<Tensor> apart = results(convolution, c.options, first, false),
                                at_once = results(convolution, c.options, first, true);
      for (size_t i = 0; i < apart.size(); ++i)
        EXPECT_TRUE(equal_bits(at_once[i], apart[i])) << i << " of " << convolution.kernel.shape().text();
    }
}

TEST(Conv2DOfConcatenated, ConcatenatesOnlyWhereItMust) {
  for (const ConcatenatedCase& c : concatenated_cases) {
    const OfConcatenated convolution(c);
    int64_t channels = convolution.kernel.shape()[3];
    WindowGeometry geometry = check_conv2d(Shape{3, c.height, c.width, channels}, c.dtype, convolution.kernel,
                                           convolution.bias, c.options);
    EXPECT_EQ(cpu::takes_concatenated(convolution.parts, geometry, c.filters), c.is_served)
        << convolution.kernel.shape().text();
  }
}

TEST(Conv2DOfConcatenated, OfOneTensorTwiceAddsBothGradients) {
  const Tensor x = test_values({2, 8, 8, 32}, 1), kernel = test_values({32, 3, 3, 64}, 2);
  Tensor gradients[2];
  for (bool at_once : {false, true}) {
    gradients[at_once] = Tensor::empty_like(x);
    x.watch(gradients[at_once]);
    Tape tape;
    const std::vector<Tensor> parts{x, x};
    const Conv2DOptions same{.padding = Padding::same};
    tape.backward(sum(square(at_once ? conv2d_of_concatenated(parts, kernel, Tensor(), same)
                                     : conv2d(concat(parts, -1), kernel, Tensor(), same))));
  }
  EXPECT_TRUE(equal_bits(gradients[1], gradients[0]));
}

TEST(Conv2DOfConcatenated, RefusesWhatTheTwoOpsRefuse) {
  const Tensor x = Tensor::zeros({1, 8, 8, 32}), smaller = Tensor::zeros({1, 8, 7, 32});
  EXPECT_THROW(conv2d_of_concatenated({x, smaller}, Tensor::zeros({32, 3, 3, 64}), Tensor()), Error);
  EXPECT_THROW(conv2d_of_concatenated({x, x.clone()}, Tensor::zeros({32, 3, 3, 32}), Tensor()), Error);
  EXPECT_THROW(conv2d_of_concatenated({}, Tensor::zeros({32, 3, 3, 32}), Tensor()), Error);
}

}  // namespace
}  // namespace manul
