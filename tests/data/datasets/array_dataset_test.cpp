#include "manul/data/datasets/array_dataset.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "manul/data/datasets/gather_rows.h"
#include "manul/testing/op_check.h"

namespace manul {
namespace {

std::vector<float> counted(int64_t count) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
  return values;
}

class ArrayDatasetOn : public testing::TestWithParam<Device> {};

TEST_P(ArrayDatasetOn, BatchesHoldTheSamplesOfTheOrder) {
  Device device = GetParam();
  std::vector<uint8_t> bytes{0, 255, 7, 8, 9, 10};
  ArrayDataset data({Tensor::from(counted(6), {3, 2}), Tensor::from(bytes, {3, 2, 1})},
                    {Tensor::from(std::vector<uint8_t>{4, 5, 6}, {3}), Tensor::from(counted(3), {3, 1})},
                    Tensor::from(std::vector<float>{1, 2, 3}, {3}), {.device = device});
  BatchSpec spec = data.spec();
  EXPECT_EQ(spec.inputs[1], (SampleSpec{{2, 1}, DType::f32}));
  EXPECT_EQ(spec.labels[0], (SampleSpec{{}, DType::i32}));
  EXPECT_EQ(spec.labels[1], (SampleSpec{{1}, DType::f32}));

  data.begin_epoch({2, 0, 1});
  DeviceStepState state(device);
  state.write({.position = 1});
  Batch batch = spec.empty_batch(2, device);
  data.prepare_batch(1, 2);
  data.next_batch(state, batch);
  EXPECT_EQ(batch.inputs[0].to_vector<float>(), (std::vector<float>{0, 1, 2, 3}));
  EXPECT_EQ(batch.inputs[1].to_vector<float>(), (std::vector<float>{0, 255, 7, 8}));
  EXPECT_EQ(batch.labels[0].to_vector<int32_t>(), (std::vector<int32_t>{4, 5}));
  EXPECT_EQ(batch.labels[1].to_vector<float>(), (std::vector<float>{0, 1}));
  EXPECT_EQ(batch.weights[0].to_vector<float>(), (std::vector<float>{1, 2}));
}

TEST_P(ArrayDatasetOn, GathersRowsByAnyIndex) {
  Device device = GetParam();
  Tensor index = Tensor::from(std::vector<int32_t>{1, 1, 0}, {3}).to(device);
  Tensor rows = Tensor::from(std::vector<double>{1, 2, 3, 4}, {2, 2}).to(device);
  Tensor target = Tensor::empty({3, 2}, DType::f64, device);
  gather_rows({}, index, rows, target);
  EXPECT_EQ(target.to_vector<double>(), (std::vector<double>{3, 4, 3, 4, 1, 2}));
}

INSTANTIATE_TEST_SUITE_P(Devices, ArrayDatasetOn, testing::ValuesIn(test_devices()),
                         [](const auto& info) { return info.param.is_cpu() ? "cpu" : "gpu"; });

std::string message_of(const std::function<void()>& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ArrayDataset, SaysWhatDoesNotFit) {
  Tensor three = Tensor::zeros({3, 2}), four = Tensor::zeros({4});
  EXPECT_EQ(message_of([&] { ArrayDataset(three, four); }),
            "array data set: labels have 4 samples, the first inputs 3");
  EXPECT_EQ(message_of([&] {
              ArrayDataset(three, {}, Tensor::zeros({3, 1}));
            }),
            "array data set: 1 arrays of weights for 0 of labels");
  ArrayDataset data(three, Tensor::zeros({3}));
  EXPECT_EQ(message_of([&] { data.begin_epoch({0, 3}); }), "data: there is no sample 3, only 3 of them");
  data.begin_epoch({1, 0});
  EXPECT_EQ(message_of([&] { data.prepare_batch(1, 2); }),
            "data: there is no batch of 2 samples at 1, the epoch that was begun has 2");
  DeviceStepState state;
  EXPECT_EQ(message_of([&] {
              data.next_batch(state, Tensor::zeros({2, 2}), Tensor::zeros({2, 1}));
            }),
            "data: the labels of a batch are f32 [2], not f32 [2, 1]");
  state.write({.position = 2});
  EXPECT_EQ(message_of([&] {
              data.next_batch(state, Tensor::zeros({2, 2}), Tensor::zeros({2}));
            }),
            "data: there is no batch of 2 samples at 2, the epoch that was begun has 2");
}

}  // namespace
}  // namespace manul
