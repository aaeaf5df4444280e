#include "manul/ops/shape/shape_ops.h"

#include "manul/framework/tape.h"
#include "manul/testing/op_check.h"
#include "manul/tests/keras_reference.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(ShapeOps, OpTest, testing::ValuesIn(shape_samples()), name_of_sample);

const ErrorSample shape_ops_errors[] = {
    {"reshape",
     [] {
       reshape(Tensor::zeros({2, 3}), {4, 2});
     },
     "reshape: [2, 3] has 6 elements, [4, 2] has 8"},
    {"flatten", [] { flatten(Tensor::zeros({})); }, "flatten: a scalar has no batch axis"},
    {"transpose",
     [] {
       transpose(Tensor::zeros({2, 3, 4}));
     },
     "transpose: [2, 3, 4] is not a matrix"},
    {"transpose_twice",
     [] {
       transpose(Tensor::zeros({2, 3}), {1, 1});
     },
     "transpose: axes of [2, 3] are named once each from 0 on"},
    {"transpose_few",
     [] {
       transpose(Tensor::zeros({2, 3}), {1});
     },
     "transpose: 1 of the 2 axes of [2, 3] are named"},
    {"slice",
     [] {
       slice(Tensor::zeros({2, 3}), {0, 2}, {2, 2});
     },
     "slice: 2 elements from 2 on leave axis 1 of [2, 3]"},
    {"slice_axis",
     [] {
       slice(Tensor::zeros({2, 3}), 1, 2, 4);
     },
     "slice: 2 to 4 leaves axis 1 of [2, 3]"},
    {"split",
     [] {
       split(Tensor::zeros({2, 3}), 2);
     },
     "split: axis -1 of [2, 3] does not divide into 2 parts"},
    {"concat",
     [] {
       concat({Tensor::zeros({2, 3}), Tensor::zeros({3, 3})}, 1);
     },
     "concat: [3, 3] of f32 does not go with [2, 3] of f32 along axis 1"},
    {"concat_axis",
     [] {
       concat({Tensor::zeros({2, 3})}, 2);
     },
     "concat: there is no axis 2 among 2"},
    {"concat_nothing", [] { concat({}); }, "concat: there is nothing to put together"},
    {"stack",
     [] {
       stack({Tensor::zeros({2, 3}), Tensor::zeros({2, 4})});
     },
     "stack: [2, 4] does not go with [2, 3]"},
    {"pad",
     [] {
       pad(Tensor::zeros({2, 3}), {{0, 0}, {1, -1}});
     },
     "pad: a width of axis 1 is negative: 1, -1"},
    {"broadcast",
     [] {
       broadcast_to(Tensor::zeros({2, 3}), {4, 3});
     },
     "broadcast_to: [2, 3] does not go with [4, 3]"},
    {"broadcast_down",
     [] {
       broadcast_to(Tensor::zeros({2, 3}), {1, 3});
     },
     "broadcast_to: [2, 3] does not become [1, 3]"},
    {"gather",
     [] {
       gather(Tensor::zeros({3, 2}), Tensor::from(std::vector<int32_t>{0, 3}, {2}));
     },
     "gather: the index 3 is not in 0 .. 2"},
    {"one_hot", [] { one_hot(Tensor::zeros({2}), -1); }, "one_hot: -1 classes"},
    {"sum_to",
     [] {
       sum_to(Tensor::zeros({2, 3}), {2, 2});
     },
     "sum_to: [2, 2] does not go with [2, 3]"},
};
INSTANTIATE_TEST_SUITE_P(ShapeOps, OpErrorTest, testing::ValuesIn(shape_ops_errors), name_of_sample);

TEST(ShapeOps, MoveElementsAsSaid) {
  Tensor x = Tensor::from(std::vector<int32_t>{0, 1, 2, 3, 4, 5}, {2, 3});
  auto values = [](const Tensor& tensor) { return tensor.to_vector<int32_t>(); };
  using Values = std::vector<int32_t>;
  EXPECT_EQ(values(transpose(x)), (Values{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(values(slice(x, 1, 1, 3)), (Values{1, 2, 4, 5}));
  EXPECT_EQ(values(slice(x, -1, -1, 3)), (Values{2, 5}));
  EXPECT_EQ(values(split(x, 3)[1]), (Values{1, 4}));
  EXPECT_EQ(values(concat({x, x}, 1)), (Values{0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5}));
  EXPECT_EQ(values(stack({x, x}, 2)), (Values{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5}));
  EXPECT_EQ(values(pad(x, {{0, 1}, {1, 0}}, 9)), (Values{9, 0, 1, 2, 9, 3, 4, 5, 9, 9, 9, 9}));
  EXPECT_EQ(values(tile(x, {1, 2})), (Values{0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5}));
  EXPECT_EQ(values(repeat(x, 2, 1)), (Values{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5}));
  EXPECT_EQ(values(repeat(x, 2, 0)), (Values{0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5}));
  EXPECT_EQ(slice(x, 0, 1, 1).shape(), (Shape{0, 3}));
  EXPECT_EQ(slice(x, 0, 1, 2).raw(), x.range(3, {1, 3}).raw());  // in one piece: no copy
}

TEST(Flatten, AgreesWithKeras) {
  Tensor x = watched_reference("layers/flatten/input0");
  Tape tape;
  Tensor y = flatten(x);
  EXPECT_EQ(y.raw(), x.raw());
  expect_reference(y, "layers/flatten/output", 0);
  tape.backward(y, keras_reference().tensor("layers/flatten/upstream"));
  expect_reference_gradient(x, "layers/flatten/input0_grad", 0);
}

}  // namespace
}  // namespace manul
