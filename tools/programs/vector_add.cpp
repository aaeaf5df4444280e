#include <cstring>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/stopwatch.h"
#include "manul/ops/pointwise/binary_functions.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/tools/support/memory.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

/// The article's two vectors of integers, which f64 holds and adds exactly.
void add_six(Device device) {
  Tensor a = Tensor::from<double>({1, 2, 3, 4, 5, 6}, {6}, device);
  Tensor b = Tensor::from<double>({7, 8, 9, 10, 11, 12}, {6}, device);
  std::vector<double> c = add(a, b).to_vector<double>();
  for (size_t i = 0; i < c.size(); ++i) print_result("c[{}] = {:.0f}\n", i, c[i]);
}

constexpr int64_t grain = 1 << 16;

/// Two vectors whose sums are exact in f32 and differ from element to element.
float left(int64_t i) {
  return static_cast<float>(i % 65521);
}
float right(int64_t i) {
  return static_cast<float>(i % 4093) * 0.25f;
}

Tensor filled(int64_t n, float (*value)(int64_t), Device device) {
  Tensor x = Tensor::empty({n});
  float* out = x.mutable_data<float>();
  cpu::parallel_for(n, grain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = value(i);
  });
  return x.to(device);
}

void check_every_element(const Tensor& on_device) {
  Tensor c = on_device.to(Device::cpu());
  const float* sums = c.data<float>();
  cpu::parallel_for(c.elements(), grain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      check(sums[i] == left(i) + right(i), "vector_add: c[{}] is {}, but {} + {} is {}", i, sums[i], left(i),
            right(i), left(i) + right(i));
  });
}

/// The yardstick: the memory's speed when nothing is computed.
void plain_copy(const Tensor& from, const Tensor& to) {
  if (from.device().is_cuda()) return to.copy_from(from);
  auto* source = static_cast<const char*>(from.raw());
  auto* target = static_cast<char*>(to.raw());
  cpu::parallel_for(static_cast<int64_t>(from.bytes()), int64_t{4} << 20, [=](int64_t begin, int64_t end) {
    std::memcpy(target + begin, source + begin, static_cast<size_t>(end - begin));
  });
}

void add_many(int64_t n, int repeats, Device device) {
  int vectors_here = device.is_cuda() ? 1 : 3;  // a GPU's are filled and checked here, one after the other
  require_memory(fmt::format("{} elements", n), vectors_here * n * int64_t{sizeof(float)});
  Tensor a = filled(n, left, device), b = filled(n, right, device);
  Tensor c = Tensor::empty({n}, DType::f32, device);
  double copy_seconds = median_seconds(device, repeats, [&] { plain_copy(a, c); });
  constexpr Binary sum{pointwise::binary_place<pointwise::Add>};
  double add_seconds = median_seconds(device, repeats, [&] { binary_kernel(sum, a, b, c); });
  check_every_element(c);
  double gigabytes = static_cast<double>(a.bytes()) * 1e-9;
  double add_speed = 3 * gigabytes / add_seconds, copy_speed = 2 * gigabytes / copy_seconds;
  print_result("{} elements on {}, every sum checked\n", n, device.name());
  print_result("add:  {:9.3f} ms, {:7.1f} GB/s (two vectors read, one written)\n", add_seconds * 1e3,
               add_speed);
  print_result("copy: {:9.3f} ms, {:7.1f} GB/s (one read, one written), for comparison\n", copy_seconds * 1e3,
               copy_speed);
}

}  // namespace
}  // namespace manul

int main(int argc, char** argv) {
  manul::Program program("vector_add", "Adds two vectors element by element.",
                         "  vector_add\n"
                         "  vector_add --n 100000000\n"
                         "  vector_add --n 536870912 --device cuda\n");
  int64_t n = 0;
  int repeats = 20;
  program.options()
      .add_option("-n,--n", n,
                  "Add two vectors of this many floats and measure; without it, the article's six integers")
      ->check(manul::integer_in(1, int64_t{1} << 40));
  program.options()
      .add_option("--repeats", repeats, "Measured runs, of which the median is printed")
      ->check(manul::integer_in(1, 100000))
      ->capture_default_str();
  program.add_device_option();
  program.add_threads_option();
  return program.run(argc, argv, [&] {
    if (n == 0)
      manul::add_six(program.device());
    else
      manul::add_many(n, repeats, program.device());
    return 0;
  });
}
