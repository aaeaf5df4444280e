#include "manul/framework/memory.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "manul/framework/error.h"
#include "manul/framework/tensor.h"

namespace manul {
namespace {

TEST(Storage, IsAlignedForVectorsAndComesBackFromThePool) {
  void* first = nullptr;
  {
    Storage storage(1000, Device::cpu());
    first = storage.data;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 64, 0u);
  }
  Storage again(1000, Device::cpu());
  EXPECT_EQ(again.data, first);
}

TEST(Storage, ComesBackFromAThreadThatEnded) {
  void* first = nullptr;
  std::thread([&] { first = Storage(1001 << 10, Device::cpu()).data; }).join();
  EXPECT_EQ(Storage(1001 << 10, Device::cpu()).data, first);
  std::thread([&] {
    first = Storage(3001, Device::cpu()).data;
  }).join();  // kept by the thread while it lived
  EXPECT_EQ(Storage(3001, Device::cpu()).data, first);
}

/// A network's activations are more than a few hundred MiB; pages that come anew are zero.
TEST(Storage, KeepsAsManyPagesAsWereInUseAtOnce) {
  constexpr size_t size = size_t{80} << 20;
  constexpr int blocks = 6;
  auto first_numbers = [=](int value) {
    std::vector<std::unique_ptr<Storage>> all;
    std::multiset<int> found;
    for (int i = 0; i < blocks; ++i) {
      all.push_back(std::make_unique<Storage>(size, Device::cpu()));
      int& number = *reinterpret_cast<int*>(all.back()->data);
      found.insert(std::exchange(number, value));
    }
    return found;
  };
  first_numbers(7);
  EXPECT_EQ(first_numbers(8).count(7), static_cast<size_t>(blocks));
  cpu::give_back_pool();
  EXPECT_EQ(first_numbers(9).count(8), 0u);
}

TEST(Storage, SaysSoWhenThereIsNone) {
  EXPECT_THROW(Storage(size_t{1} << 60, Device::cpu()), Error);
}

TEST(MemoryGuard, PoisonsNewTensors) {
  MemoryGuard guard;
  EXPECT_TRUE(std::isnan(Tensor::empty({1}).item<float>()));
  EXPECT_TRUE(std::isnan(Tensor::empty({1}, DType::f64).item<double>()));
  EXPECT_EQ(Tensor::zeros({1}).item<float>(), 0);
}

TEST(MemoryGuard, FindsAWriteOnEitherSide) {
  MemoryGuard guard;
  for (int64_t outside : {-1, 5}) {
    testing::internal::CaptureStderr();
    Tensor::zeros({5}).mutable_data<float>()[outside] = 1;
    EXPECT_NE(testing::internal::GetCapturedStderr().find("outside a block of 20 bytes"), std::string::npos);
    EXPECT_THROW(MemoryGuard::check(), Error);
  }
  Tensor::zeros({5}).mutable_data<float>()[4] = 1;
  MemoryGuard::check();
}

}  // namespace
}  // namespace manul
