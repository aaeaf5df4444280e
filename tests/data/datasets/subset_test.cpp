#include "manul/data/datasets/subset.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "manul/data/datasets/array_dataset.h"
#include "manul/framework/error.h"

namespace manul {
namespace {

ArrayDataset numbers(int64_t count) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
  return ArrayDataset(Tensor::from(values, {count, 1}));
}

std::vector<float> all_of(Dataset& data) {
  data.begin_epoch(0, 0, false);
  Batch batch = data.spec().empty_batch(data.size());
  DeviceStepState state;
  data.prepare_batch(0, data.size());
  data.next_batch(state, batch);
  return batch.inputs[0].to_vector<float>();
}

TEST(Subset, TakesSkipsAndSplits) {
  ArrayDataset data = numbers(10);
  Subset head = take(data, 3), tail = skip(data, 8), middle = slice(data, 4, 6);
  EXPECT_EQ(all_of(head), (std::vector<float>{0, 1, 2}));
  EXPECT_EQ(all_of(tail), (std::vector<float>{8, 9}));
  EXPECT_EQ(all_of(middle), (std::vector<float>{4, 5}));
  EXPECT_EQ(take(data, 100).size(), 10);
  auto [first, second] = split(data, 0.75);
  EXPECT_EQ(first.size(), 7);
  EXPECT_EQ(all_of(second), (std::vector<float>{7, 8, 9}));
}

TEST(Subset, OfASubsetRefersToTheData) {
  ArrayDataset data = numbers(10);
  auto inner = [&] {
    Subset outer = skip(data, 4);
    return skip(outer, 1);
  }();
  EXPECT_EQ(&inner.base(), &data);
  EXPECT_EQ(all_of(inner), (std::vector<float>{5, 6, 7, 8, 9}));
}

TEST(Subset, ShufflesOnceAndForAll) {
  ArrayDataset data = numbers(10);
  Subset mixed = shuffle(data, 3);
  std::vector<float> once = all_of(mixed), again = all_of(mixed);
  EXPECT_EQ(once, again);
  EXPECT_NE(once, all_of(data));
  std::sort(once.begin(), once.end());
  EXPECT_EQ(once, all_of(data));
}

TEST(Subset, ViewsOfOneDataSetSeeEachOther) {
  ArrayDataset data = numbers(4);
  auto [first, second] = split(data, 0.5);
  first.begin_epoch(0, 0, false);
  int64_t begun = first.epochs_begun();
  second.begin_epoch(0, 0, false);
  EXPECT_NE(first.epochs_begun(), begun);
}

TEST(Subset, SaysWhatIsNotThere) {
  ArrayDataset data = numbers(4);
  EXPECT_THROW(Subset(data, {4}), Error);
  EXPECT_THROW(slice(data, 2, 5), Error);
  EXPECT_THROW(take(data, -1), Error);
  EXPECT_THROW(split(data, 1.5), Error);
}

}  // namespace
}  // namespace manul
