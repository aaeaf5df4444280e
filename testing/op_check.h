#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <ostream>

#include "manul/testing/op_sample.h"

namespace manul {

/// Checks one sample:
/// - in f64 on the CPU, its gradients against central differences, 1e-6 relative to the largest;
/// - outputs and gradients come out of poisoned, fenced memory complete and without a write outside;
/// - in f32, two runs and runs with 1 and 2 threads give equal bits, close to f64;
/// - a run without a tape gives the numbers of one with;
/// - in bf16, close to f64 from the same rounded numbers, and the same bits again, with 1 and 2 threads;
/// - where there is a GPU: close to the CPU, two runs and a captured run bit-equal.
void check_op(const OpSample& sample);

/// A call that must throw an Error whose text contains `text`.
struct ErrorSample {
  std::string name;
  std::function<void()> function;
  std::string text;
};
void check_error(const ErrorSample& sample);

/// Largest |a - b| relative to the largest |b|; infinite if a shape differs or a number is not finite. Two
/// undefined tensors are equal.
double normalised_error(const Tensor& a, const Tensor& b);
bool equal_bits(const Tensor& a, const Tensor& b);

/// The GPU to test on, if this build and machine have one.
std::optional<Device> test_gpu();
/// The CPU, and that GPU.
std::vector<Device> test_devices();
/// Why a test skips without it, in the words of Device::parse.
std::string why_no_gpu();

/// The tests of testing/op_test.cpp; a family runs its tables through them with
///     INSTANTIATE_TEST_SUITE_P(Pool2D, OpTest, testing::ValuesIn(pool2d_samples()), name_of_sample);
///     INSTANTIATE_TEST_SUITE_P(Pool2D, OpErrorTest, testing::ValuesIn(errors), name_of_sample);
class OpTest : public testing::TestWithParam<OpSample> {};
class OpErrorTest : public testing::TestWithParam<ErrorSample> {};

inline constexpr auto name_of_sample = [](const auto& info) { return info.param.name; };
inline void PrintTo(const OpSample& sample, std::ostream* out) {
  *out << sample.name;
}
inline void PrintTo(const ErrorSample& sample, std::ostream* out) {
  *out << sample.name;
}

}  // namespace manul
