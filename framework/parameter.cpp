#include "manul/framework/parameter.h"

#include <cmath>

#include "manul/framework/error.h"
#include "manul/framework/random.h"

namespace manul {
namespace {

constexpr int64_t alignment = 16;  // elements: 64 bytes of f32

int64_t rounded(int64_t elements) {
  return (elements + alignment - 1) / alignment * alignment;
}

std::vector<double> initial_values(const Parameter& parameter, uint64_t seed) {
  std::vector<double> values(parameter.shape.elements(), 0.0);
  const Initializer& initializer = parameter.initializer;
  if (initializer.kind == Initializer::Kind::ones) values.assign(values.size(), 1.0);
  if (initializer.kind != Initializer::Kind::glorot_uniform) return values;
  double limit = std::sqrt(6.0 / static_cast<double>(initializer.fan_in + initializer.fan_out));
  RandomStream random(seed, RandomPurpose::initializer, random_key(parameter.path.c_str()) >> 8, 0);
  for (double& value : values) value = random.uniform(-limit, limit);
  return values;
}

}  // namespace

Parameter& ParameterSet::add(std::string path, const Shape& shape, const Initializer& initializer,
                             bool trainable) {
  check(!allocated_, "parameters: {} was declared after memory was given to the others", path);
  for (const Parameter& parameter : parameters_)
    check(parameter.path != path, "parameters: two are called {}", path);
  return parameters_.emplace_back(
      Parameter{std::move(path), shape, initializer, trainable, Tensor(), Tensor(), 0});
}

void ParameterSet::allocate(uint64_t seed, DType dtype, Device device, bool with_gradients) {
  check(!allocated_, "parameters: memory was given twice");
  allocated_ = true;
  int64_t trained = 0, kept = 0;
  for (Parameter& parameter : parameters_) {
    int64_t& total = parameter.trainable ? trained : kept;
    parameter.offset = total;
    total += rounded(parameter.shape.elements());
  }
  values_ = Tensor::zeros({trained}, dtype, device);
  statistics_ = Tensor::zeros({kept}, dtype, device);
  if (with_gradients) gradients_ = Tensor::zeros({trained}, dtype, device);
  for (Parameter& parameter : parameters_) {
    const Tensor& buffer = parameter.trainable ? values_ : statistics_;
    parameter.value = buffer.range(parameter.offset, parameter.shape);
    if (parameter.initializer.kind != Initializer::Kind::zeros)
      parameter.value.copy_from(
          Tensor::from(initial_values(parameter, seed), parameter.shape).to(dtype).to(device));
    if (parameter.trainable && with_gradients) {
      parameter.gradient = gradients_.range(parameter.offset, parameter.shape);
      parameter.value.watch(parameter.gradient);
    }
  }
}

Parameter& ParameterSet::at(std::string_view path) {
  for (Parameter& parameter : parameters_)
    if (parameter.path == path) return parameter;
  fail(ErrorKind::failed, "parameters: there is none called {}", path);
}

int64_t ParameterSet::trainable_count() const {
  int64_t count = 0;
  for (const Parameter& parameter : parameters_)
    count += parameter.trainable ? parameter.shape.elements() : 0;
  return count;
}

int64_t ParameterSet::statistics_count() const {
  int64_t count = 0;
  for (const Parameter& parameter : parameters_)
    count += parameter.trainable ? 0 : parameter.shape.elements();
  return count;
}

void ParameterSet::take_gradients() {
  for (Parameter& parameter : parameters_) {
    Leaf* leaf = parameter.value.leaf();
    if (!leaf) continue;
    if (!leaf->fresh && !leaf->taken) leaf->gradient.fill_zero();
    leaf->fresh = false;
  }
}

}  // namespace manul
