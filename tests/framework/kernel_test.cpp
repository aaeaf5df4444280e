#include "manul/framework/kernel.h"

#include <gtest/gtest.h>

// As a repository of its own would: another namespace, its own kernels.
namespace elsewhere {

MANUL_KERNEL(triple, void(const manul::Tensor& x, const manul::Tensor& y));

namespace cpu {
void triple(const manul::Tensor& x, const manul::Tensor& y) {
  for (int64_t i = 0; i < x.elements(); ++i) y.mutable_data<float>()[i] = 3 * x.data<float>()[i];
}
}  // namespace cpu

namespace cuda {
void triple(const manul::Tensor& x, const manul::Tensor& y) {
  manul::Tensor on_host = manul::Tensor::empty(y.shape());
  cpu::triple(x.to(manul::Device::cpu()), on_host);
  y.copy_from(on_host);
}
}  // namespace cuda

namespace {

using manul::Tensor;

TEST(KernelSlot, WorksInAnotherNamespace) {
  Tensor x = Tensor::from(std::vector<float>{1, -2, 0.5f}, {3}), y = Tensor::empty_like(x);
  triple_kernel(x, y);
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{3, -6, 1.5f}));
  EXPECT_EQ(triple_kernel.name, "triple");
}

TEST(KernelSlot, GetsBf16AsF32AndGivesItBackRounded) {
  Tensor x = Tensor::from(std::vector<float>{1, -2, 1.0078125F}, {3}).to(manul::DType::bf16);
  Tensor y = Tensor::empty_like(x);
  x.set_untouched();
  triple_kernel(x, y);
  EXPECT_EQ(y.dtype(), manul::DType::bf16);
  // 3 * 1.0078125 = 3.0234375 lies between 3.015625 and 3.03125, and the even one of them is 3.03125.
  EXPECT_EQ(y.to(manul::DType::f32).to_vector<float>(), (std::vector<float>{3, -6, 3.03125F}));
  EXPECT_FALSE(x.touched()) << "what is read alone is not written back";
  triple_kernel(y, y);
  EXPECT_EQ(y.to(manul::DType::f32).to_vector<float>()[0], 9) << "in place";
}

TEST(KernelSlot, PassesUndefinedTensorsOnButWantsOneThatIsDefined) {
  constexpr manul::Kernel alone(
      "alone", +[](const Tensor& x, const Tensor& y) { y.copy_from(x); });
  EXPECT_THROW(alone(Tensor(), Tensor()), manul::Error);
}

}  // namespace
}  // namespace elsewhere
