#include "manul/testing/op_check.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/error.h"
#include "manul/framework/step.h"
#include "manul/framework/tape.h"

namespace manul {
namespace {

constexpr uint64_t upstream_salt = 1 << 24;

/// What an op gave: its output and, by input, the gradients (undefined where none was asked for).
struct Result {
  Tensor output;
  std::vector<Tensor> gradients;
};

/// The inputs of a sample, watched, and what runs on them.
class Run {
 public:
  /// `rounded`: from numbers that are rounded to bf16, whatever the dtype.
  Run(const OpSample& sample, DType dtype, Device device, bool rounded)
      : sample_(sample),
        rounded_(rounded),
        inputs_(make_inputs(sample, dtype, device, rounded)),
        gradients_(inputs_.size()) {
    for (size_t i = 0; i < inputs_.size(); ++i)
      if (wants_gradient(i)) {
        gradients_[i] = Tensor::empty_like(inputs_[i]);
        inputs_[i].watch(gradients_[i]);
      }
  }

  /// Forward and backward, from an upstream gradient that is the same on every call.
  void operator()() {
    for (const Tensor& input : inputs_)
      if (input.leaf()) input.leaf()->fresh = false;
    Tape tape;
    output_ = sample_.function(inputs_);
    if (!upstream_.defined()) {
      DType drawn = rounded_ ? DType::bf16 : output_.dtype();
      upstream_ = test_values(output_.shape(), upstream_salt, drawn, output_.device()).to(output_.dtype());
    }
    if (has_gradients()) tape.backward(output_, upstream_);
  }

  Result result() const {
    Result result{output_.to(Device::cpu()).clone(), {}};
    for (const Tensor& gradient : gradients_)
      result.gradients.push_back(gradient.defined() ? gradient.to(Device::cpu()).clone() : Tensor());
    return result;
  }

 private:
  bool wants_gradient(size_t i) const {
    return sample_.inputs[i].gradient && sample_.inputs[i].dtype == DType::f32;
  }
  bool has_gradients() const {
    for (const Tensor& gradient : gradients_)
      if (gradient.defined()) return true;
    return false;
  }

  const OpSample& sample_;
  bool rounded_;
  std::vector<Tensor> inputs_, gradients_;
  Tensor output_, upstream_;
};

/// One eager run in guarded memory.
Result run(const OpSample& sample, DType dtype, Device device, bool rounded = false) {
  Result result;
  {
    MemoryGuard guard;
    Run once(sample, dtype, device, rounded);
    once();
    result = once.result();
  }
  MemoryGuard::check();
  return result;
}

Result run_captured(const OpSample& sample, DType dtype, Device device) {
  Run again(sample, dtype, device, dtype == DType::bf16);
  TrainStep step([&] { again(); }, device);
  for (int i = 0; i < 3; ++i) step.run();
  return again.result();
}

void expect_equal_bits(const Result& a, const Result& b, const char* what) {
  EXPECT_TRUE(equal_bits(a.output, b.output)) << what << ": the outputs differ";
  for (size_t i = 0; i < a.gradients.size(); ++i)
    EXPECT_TRUE(equal_bits(a.gradients[i], b.gradients[i])) << what << ": gradient " << i << " differs";
}

void expect_close(const Result& a, const Result& b, double tolerance, const char* what) {
  EXPECT_LE(normalised_error(a.output, b.output), tolerance) << what << ": output";
  for (size_t i = 0; i < a.gradients.size(); ++i)
    EXPECT_LE(normalised_error(a.gradients[i], b.gradients[i]), tolerance) << what << ": gradient " << i;
}

/// The sum of the output weighted by the upstream gradient: what the gradients are the derivatives of.
double weighted_output(const OpSample& sample, const std::vector<Tensor>& inputs) {
  Tensor output = sample.function(inputs);
  Tensor upstream = test_values(output.shape(), upstream_salt, DType::f64);
  double sum = 0;
  for (int64_t i = 0; i < output.elements(); ++i)
    sum += output.data<double>()[i] * upstream.data<double>()[i];
  return sum;
}

/// About 150 elements of each gradient, against central differences.
void check_differences(const OpSample& sample, const Result& result) {
  constexpr double step = 1e-5;
  std::vector<Tensor> inputs = make_inputs(sample, DType::f64, Device::cpu());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!result.gradients[i].defined()) continue;
    double largest = 0;
    for (double value : result.gradients[i].to_vector<double>()) largest = std::max(largest, std::abs(value));
    int64_t stride = std::max<int64_t>(1, inputs[i].elements() / 150) | 1;
    for (int64_t k = 0; k < inputs[i].elements(); k += stride) {
      double& element = inputs[i].mutable_data<double>()[k];
      double before = element;
      element = before + step;
      double above = weighted_output(sample, inputs);
      element = before - step;
      double below = weighted_output(sample, inputs);
      element = before;
      ASSERT_NEAR(result.gradients[i].data<double>()[k], (above - below) / (2 * step),
                  1e-6 * std::max(largest, 1e-2))
          << "gradient " << i << ", element " << k;
    }
  }
}

Result run_with_threads(const OpSample& sample, int threads, DType dtype = DType::f32) {
  cpu::set_threads(threads);
  Result result = run(sample, dtype, Device::cpu(), dtype == DType::bf16);
  cpu::set_threads(0);
  return result;
}

void check_on_gpu(const OpSample& sample, const Result& expected) {
  std::optional<Device> gpu = test_gpu();
  if (!gpu) return;
  Result first = run(sample, DType::f32, *gpu);
  expect_close(first, expected, sample.tolerance, "GPU and CPU");
  expect_equal_bits(first, run(sample, DType::f32, *gpu), "two runs on the GPU");
  expect_equal_bits(first, run_captured(sample, DType::f32, *gpu), "eager and captured");
}

/// In bf16: against f64, from the same rounded numbers.
void check_bf16(const OpSample& sample) {
  if (sample.bf16_roundings == 0) return;
  double tolerance = sample.bf16_roundings / 512;
  Result exact = run(sample, DType::f64, Device::cpu(), true);
  Result first = run_with_threads(sample, 1, DType::bf16);
  expect_close(first, exact, tolerance, "bf16 and f64");
  expect_equal_bits(first, run_with_threads(sample, 2, DType::bf16), "1 and 2 threads in bf16");
  std::optional<Device> gpu = test_gpu();
  if (!gpu) return;
  Result there = run(sample, DType::bf16, *gpu, true);
  expect_close(there, exact, tolerance, "bf16 on the GPU and f64");
  expect_equal_bits(there, run(sample, DType::bf16, *gpu, true), "two runs in bf16 on the GPU");
  expect_equal_bits(there, run_captured(sample, DType::bf16, *gpu), "eager and captured in bf16");
}

Tensor as_f64(const Tensor& tensor) {
  return tensor.to(Device::cpu()).to(DType::f64);
}

}  // namespace

double normalised_error(const Tensor& a, const Tensor& b) {
  if (!a.defined() && !b.defined()) return 0;
  if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
  std::vector<double> left = as_f64(a).to_vector<double>(), right = as_f64(b).to_vector<double>();
  double largest = 0, distance = 0;
  for (size_t i = 0; i < left.size(); ++i) {
    if (!std::isfinite(left[i]) || !std::isfinite(right[i])) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(right[i]));
    distance = std::max(distance, std::abs(left[i] - right[i]));
  }
  return distance == 0 ? 0 : distance / largest;
}

bool equal_bits(const Tensor& a, const Tensor& b) {
  if (!a.defined() && !b.defined()) return true;
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  Tensor left = a.to(Device::cpu()), right = b.to(Device::cpu());
  return std::memcmp(left.raw(), right.raw(), left.bytes()) == 0;
}

std::optional<Device> test_gpu() {
  static const std::optional<Device> gpu = []() -> std::optional<Device> {
    Device device = Device::parse("auto");
    return device.is_cuda() ? std::optional(device) : std::nullopt;
  }();
  return gpu;
}

std::vector<Device> test_devices() {
  std::vector<Device> devices{Device::cpu()};
  if (std::optional<Device> gpu = test_gpu()) devices.push_back(*gpu);
  return devices;
}

std::string why_no_gpu() try {
  return fmt::format("{} can be used", Device::parse("cuda").name());
} catch (const Error& error) {
  return error.what();
}

void check_op(const OpSample& sample) {
  Result exact = run(sample, DType::f64, Device::cpu());
  check_differences(sample, exact);
  Result single = run_with_threads(sample, 1);
  expect_close(single, exact, sample.tolerance, "f32 and f64");
  expect_equal_bits(single, run_with_threads(sample, 1), "two runs");
  expect_equal_bits(single, run_with_threads(sample, 2), "1 and 2 threads");
  Tensor untaped = sample.function(make_inputs(sample, DType::f32, Device::cpu()));
  EXPECT_LE(normalised_error(untaped, single.output), 1e-6) << "without and with a tape";
  check_on_gpu(sample, single);
  check_bf16(sample);
}

void check_error(const ErrorSample& sample) {
  try {
    sample.function();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(sample.text), std::string::npos)
        << "said: " << error.what() << "\nexpected in it: " << sample.text;
  }
}

}  // namespace manul
