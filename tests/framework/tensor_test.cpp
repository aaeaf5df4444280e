#include "manul/framework/tensor.h"

#include <gmock/gmock.h>

#include <cstdint>
#include <limits>

#include "manul/framework/kernel.h"

namespace manul {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Shape, KnowsItsParts) {
  Shape shape{2, 7, 5, 3};
  EXPECT_EQ(shape.rank(), 4);
  EXPECT_EQ(shape.elements(), 210);
  EXPECT_EQ(shape.rows(), 70);
  EXPECT_EQ(shape[-1], 3);
  EXPECT_EQ(shape.sample(), (Shape{7, 5, 3}));
  EXPECT_EQ(shape.sample().batch_of(9), (Shape{9, 7, 5, 3}));
  EXPECT_EQ(shape.text(), "[2, 7, 5, 3]");
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ(Shape{}.text(), "[]");
  EXPECT_NE((Shape{2, 3}), (Shape{2, 3, 1}));
}

TEST(Shape, RefusesWhatNoTensorCanHave) {
  constexpr int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_THAT([] { Shape({2, -1}); }, ThrowsMessage<Error>(HasSubstr("negative")));
  EXPECT_THAT([] { Shape({huge, 2}); }, ThrowsMessage<Error>(HasSubstr("too many elements")));
  EXPECT_THAT([] { Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}); }, ThrowsMessage<Error>(HasSubstr("9 axes")));
  EXPECT_THAT([] { return Tensor::empty({huge}); }, ThrowsMessage<Error>(HasSubstr("too large")));
}

TEST(Tensor, SharesMemoryInViewsAndRanges) {
  Tensor x = Tensor::from(std::vector<int32_t>{0, 1, 2, 3, 4, 5}, {2, 3});
  Tensor row = x.range(3, {3});
  row.mutable_data<int32_t>()[0] = 30;
  EXPECT_THAT(x.view({6}).to_vector<int32_t>(), ElementsAre(0, 1, 2, 30, 4, 5));
  Tensor copy = x.clone();
  x.fill_zero();
  EXPECT_THAT(copy.to_vector<int32_t>(), ElementsAre(0, 1, 2, 30, 4, 5));
  EXPECT_THROW(x.view({5}), Error);
  EXPECT_THROW(x.range(4, {3}), Error);
  EXPECT_THROW(x.range(-1, {1}), Error);
}

TEST(Tensor, ConvertsOnlyWhenAsked) {
  Tensor bytes = Tensor::from(std::vector<uint8_t>{0, 255}, {2});
  EXPECT_THAT(bytes.to(DType::f32).to_vector<float>(), ElementsAre(0, 255));
  EXPECT_THAT([&] { bytes.data<float>(); },
              ThrowsMessage<Error>(HasSubstr("u8 elements of [2] were asked for as f32")));
  EXPECT_THROW(bytes.to(DType::i32), Error);
  EXPECT_EQ(bytes.to(DType::u8).raw(), bytes.raw());
  EXPECT_EQ(bytes.to(Device::cpu()).raw(), bytes.raw());
}

TEST(Tensor, FillsAndCopies) {
  EXPECT_THAT(Tensor::full({2}, 1.5, DType::f64).to_vector<double>(), ElementsAre(1.5, 1.5));
  EXPECT_EQ(Tensor::full({}, 7, DType::i32).item<int32_t>(), 7);
  Tensor x = Tensor::zeros({2});
  x.copy_from(Tensor::full({2}, 3));
  EXPECT_THAT(x.to_vector<float>(), ElementsAre(3, 3));
  EXPECT_THROW(x.copy_from(Tensor::full({3}, 3)), Error);
  EXPECT_THROW(x.copy_from(Tensor::full({2}, 3, DType::f64)), Error);
  EXPECT_THROW(x.item<float>(), Error);
  EXPECT_THROW(Tensor::from(std::vector<float>{1, 2}, {3}), Error);
  EXPECT_THROW(Tensor().data<float>(), Error);
}

void on_cpu(const Tensor&, const Tensor&) {}

TEST(Tensor, SaysThatItIsUndefined) {
  Tensor none;
  EXPECT_FALSE(none.defined());
  EXPECT_THROW(none.shape(), Error);
  EXPECT_THROW(none.dtype(), Error);
  EXPECT_THROW(none.device(), Error);
  EXPECT_THROW(none.data<float>(), Error);
  EXPECT_THROW(none.view({1}), Error);
  EXPECT_THROW(none.to(DType::f64), Error);
  EXPECT_THROW(none.watch(none), Error);
}

TEST(Kernel, NamesItselfWhereItCannotRun) {
  Kernel<void(const Tensor&, const Tensor&)> slot{"sample", on_cpu, nullptr};
  slot(Tensor::zeros({1}), Tensor());
  EXPECT_THAT([&] { slot(Tensor(), Tensor()); },
              ThrowsMessage<Error>(HasSubstr("sample: called without a tensor")));
}

TEST(Device, ParsesItsNames) {
  EXPECT_EQ(Device::parse("cpu"), Device::cpu());
  EXPECT_EQ(Device::cuda(1).name(), "cuda:1");
  for (const char* nonsense : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "CPU"})
    EXPECT_THAT([&] { Device::parse(nonsense); },
                ThrowsMessage<Error>(HasSubstr("is not one of auto, cpu, cuda")));
}

}  // namespace
}  // namespace manul
