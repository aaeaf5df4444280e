#ifdef MANUL_WITH_CUDA

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "manul/framework/cuda/block_area.h"
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

/// Memsets of a few bytes are kernels in a graph, others are not.
TEST_F(CudaTest, ACapturedStepFillsFewBytesAndMany) {
  for (int64_t bytes : {1, 3, 4, 1000, 16 << 10, (16 << 10) + 1, 3 << 20}) {
    Tensor to = Tensor::empty({bytes}, DType::u8, device), read = Tensor::empty_like(to);
    TrainStep step(
        [&] {
          fill_bytes(to.raw(), device, 5, bytes);
          copy_bytes(read.raw(), device, to.raw_data(), device, bytes);
          fill_bytes(to.raw(), device, 0xA7, bytes);
        },
        device);
    for (int i = 0; i < 3; ++i) {
      read.fill_zero();
      step.run();
    }
    EXPECT_EQ(read.to_vector<uint8_t>(), std::vector<uint8_t>(bytes, 5)) << bytes;
    EXPECT_EQ(to.to_vector<uint8_t>(), std::vector<uint8_t>(bytes, 0xA7)) << bytes;
  }
}

constexpr size_t cuda_mib = size_t{1} << 20;

TEST_F(CudaTest, NeighboursThatAreFreeMakeRoomForALargerBlock) {
  if (!cuda::AddressRange::reserve(device.index, 2 * cuda_mib))
    GTEST_SKIP() << "the driver has no address ranges";
  cuda::BlockArea area(device.index, 2 * cuda_mib, cuda::Fit::first);
  void *first = area.allocate(4 * cuda_mib), *second = area.allocate(5 * cuda_mib),
       *third = area.allocate(5 * cuda_mib);
  EXPECT_EQ(area.reserved(), 14 * cuda_mib);
  EXPECT_TRUE(area.release(first) && area.release(second));
  EXPECT_EQ(area.allocate(9 * cuda_mib), first);
  EXPECT_EQ(area.reserved(), 14 * cuda_mib);
  EXPECT_EQ(area.used(), 14 * cuda_mib);
  EXPECT_TRUE(area.release(first));
  area.trim();
  EXPECT_EQ(area.reserved(), 6 * cuda_mib)
      << "of the third block's pages the first has a mebibyte of the second's";
  void* again = area.allocate(8 * cuda_mib);
  EXPECT_EQ(again, first);
  EXPECT_EQ(area.reserved(), 14 * cuda_mib);
  fill_bytes(again, device, 3, 8 * cuda_mib);
  fill_bytes(third, device, 4, 5 * cuda_mib);
  std::vector<uint8_t> values(9 * cuda_mib + 5 * cuda_mib);
  copy_bytes(values.data(), Device::cpu(), again, device, 8 * cuda_mib);
  copy_bytes(values.data() + 9 * cuda_mib, Device::cpu(), third, device, 5 * cuda_mib);
  EXPECT_EQ(std::count(values.begin(), values.end(), 3), 8 * cuda_mib);
  EXPECT_EQ(std::count(values.begin(), values.end(), 4), 5 * cuda_mib);
  EXPECT_FALSE(area.release(values.data()));
}

Tensor mebibytes(size_t count, Device device, float value = 1) {
  return Tensor::full({static_cast<int64_t>(count * cuda_mib / sizeof(float))}, value, DType::f32, device);
}

TEST_F(CudaTest, ACapturedStepKeepsLittleMoreThanItHasAtATime) {
  if (!cuda::AddressRange::reserve(device.index, 2 * cuda_mib))
    GTEST_SKIP() << "the driver has no address ranges";
  size_t before = memory_use(device).current;
  TrainStep step(
      [&] {
        for (size_t size : {24, 31, 48, 97, 192}) {
          std::vector<Tensor> some;
          for (size_t left = 192; left >= size; left -= size) some.push_back(mebibytes(size, device));
        }
      },
      device);
  for (int i = 0; i < 2; ++i) step.run();
  EXPECT_LE(memory_use(device).current - before, 192 * cuda_mib + 32 * cuda_mib);
}

/// As the shortcut of a residual network that is widened: the last block finds room only if the places of
/// those before it were chosen for that.
TEST_F(CudaTest, ACapturedStepHasThePlacesThatItsFirstRunLeadsTo) {
  if (!cuda::AddressRange::reserve(device.index, 2 * cuda_mib))
    GTEST_SKIP() << "the driver has no address ranges";
  size_t before = memory_use(device).current;
  Tensor read = Tensor::zeros({4}, DType::f32, device);
  TrainStep step(
      [&] {
        Tensor wide = mebibytes(256, device), narrow = mebibytes(64, device, 2);
        wide = {};
        Tensor inner = mebibytes(64, device, 3);
        Tensor outer = mebibytes(64, device, 4);
        inner = {};
        Tensor shortcut = mebibytes(256, device, 5);
        int64_t i = 0;
        for (const Tensor& tensor : {narrow, outer, shortcut})
          read.range(i++, {1}).copy_from(tensor.range(0, {1}));
        narrow = {};
        Tensor sum = mebibytes(256, device, 6);
        read.range(i, {1}).copy_from(sum.range(0, {1}));
      },
      device);
  for (int i = 0; i < 3; ++i) step.run();
  EXPECT_EQ(read.to_vector<float>(), (std::vector<float>{2, 4, 5, 6}));
  EXPECT_LE(memory_use(device).current - before, 576 * cuda_mib + 32 * cuda_mib);
}

TEST_F(CudaTest, ACapturedStepMayWantOtherMemoryThanItsFirstRun) {
  int runs = 0;
  Tensor read = Tensor::zeros({4}, DType::f32, device);
  TrainStep step(
      [&] {
        bool first = runs++ == 0;
        std::vector<Tensor> some{mebibytes(first ? 40 : 8, device, 1), mebibytes(8, device, 2)};
        if (first) some.clear();
        some.push_back(mebibytes(8, device, 3));
        some.push_back(mebibytes(first ? 8 : 48, device, 4));
        for (size_t i = 0; i < some.size(); ++i)
          read.range(static_cast<int64_t>(i), {1}).copy_from(some[i].range(0, {1}));
      },
      device);
  for (int i = 0; i < 3; ++i) step.run();
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(read.to_vector<float>(), (std::vector<float>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace manul

#endif
