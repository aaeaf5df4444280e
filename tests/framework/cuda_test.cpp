#ifdef MANUL_WITH_CUDA

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manul/framework/error.h"
#include "manul/framework/step.h"
#include "manul/framework/tensor.h"
#include "manul/testing/op_check.h"
#include "manul/tests/error_of.h"

namespace manul {
namespace {

using ::testing::HasSubstr;

class CudaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_gpu()) GTEST_SKIP() << "no GPU can be used here";
    device = *test_gpu();
  }

  Device device;
};

TEST(CudaDevice, SaysWhyAGpuCannotBeUsed) {
  try {
    Device::parse("cuda:63");
    FAIL() << "there are hardly 64 GPUs";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 5);
    EXPECT_THAT(error.what(), HasSubstr("cuda:63 cannot be used"));
  }
}

TEST_F(CudaTest, CopiesThereAndBack) {
  std::vector<float> values{1, 2, 3, 4, 5};
  Tensor there = Tensor::from(values, {5}, device);
  EXPECT_EQ(there.clone().to(Device::cpu()).to_vector<float>(), values);
  there.fill_zero();
  EXPECT_EQ(there.to_vector<float>(), std::vector<float>(5));
}

TEST_F(CudaTest, RunsOutOfMemoryInASentenceAndGoesOn) {
  std::string text =
      error_of([&] { Tensor::empty({int64_t{1} << 44}, DType::u8, device); }, ErrorKind::device);
  EXPECT_THAT(text, HasSubstr("out of memory"));
  EXPECT_THAT(text, HasSubstr("MiB are free"));
  EXPECT_EQ(Tensor::full({1}, 3, DType::f32, device).item<float>(), 3);
}

TEST_F(CudaTest, RefusesToReadResultsInACapturedStep) {
  Tensor value = Tensor::full({1}, 3, DType::f32, device);
  TrainStep step([&] { value.item<float>(); }, device);
  step.run();
  EXPECT_THAT(error_of([&] { step.run(); }, ErrorKind::device), HasSubstr("captured step"));
  EXPECT_EQ(value.item<float>(), 3) << "the stream is usable afterwards";
}

TEST_F(CudaTest, ACapturedStepReadsTheStateOfItsTime) {
  DeviceStepState state(device);
  TrainStep step([&] { advance_step_kernel(state.tensor(), int64_t{32}); }, device);
  for (int i = 0; i < 5; ++i) step.run();
  EXPECT_EQ(state.read().iteration, 5);
  EXPECT_EQ(state.read().position, 160);
}

TEST_F(CudaTest, ATensorOfACapturedStepOutlivesItsGraph) {
  Tensor kept;
  {
    TrainStep step([&] { kept = Tensor::full({1000}, 7, DType::f32, device); }, device);
    for (int i = 0; i < 3; ++i) step.run();
  }
  EXPECT_EQ(kept.to_vector<float>(), std::vector<float>(1000, 7));
}

}  // namespace
}  // namespace manul

#endif
