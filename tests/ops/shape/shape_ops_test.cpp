#include "manul/ops/shape/shape_ops.h"

#include "manul/framework/tape.h"
#include "manul/testing/op_check.h"
#include "manul/tests/keras_reference.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(ShapeOps, OpTest, testing::ValuesIn(shape_samples()), name_of_sample);

const ErrorSample errors[] = {
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
};
INSTANTIATE_TEST_SUITE_P(ShapeOps, OpErrorTest, testing::ValuesIn(errors), name_of_sample);

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
