#include "manul/framework/parameter.h"

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/framework/step.h"

namespace manul {

/// The flat [n] tensors that parameters lie in, and whose places are taken.
struct ParameterBuffers {
  Tensor values, gradients, statistics;
  std::vector<std::weak_ptr<Parameter>> members;
};

namespace {

int64_t rounded(int64_t elements) {
  return (elements + ParameterSet::alignment - 1) / ParameterSet::alignment * ParameterSet::alignment;
}

/// The value becomes a leaf of the tape, or none.
void watch_as_needed(const Parameter& parameter) {
  if (parameter.trainable && parameter.gradient.defined())
    parameter.value.watch(parameter.gradient);
  else
    parameter.value.unwatch();
}

/// All that must lie together: `parameters` and whatever shares buffers with them.
std::vector<ParameterPtr> with_neighbours(std::vector<ParameterPtr> parameters) {
  std::vector<const ParameterBuffers*> seen;
  size_t own = parameters.size();
  for (size_t i = 0; i < own; ++i) {
    const ParameterBuffers* buffers = parameters[i]->buffers.get();
    if (!buffers || std::find(seen.begin(), seen.end(), buffers) != seen.end()) continue;
    seen.push_back(buffers);
    for (const std::weak_ptr<Parameter>& member : buffers->members)
      if (ParameterPtr other = member.lock();
          other && std::find(parameters.begin(), parameters.end(), other) == parameters.end())
        parameters.push_back(std::move(other));
  }
  return parameters;
}

}  // namespace

void Parameter::set_trainable(bool wanted) {
  if (statistic || trainable == wanted) return;
  trainable = wanted;
  if (!value.defined()) return;
  watch_as_needed(*this);
  TrainStep::forget_captured();
}

Parameter& ParameterSet::add(std::string path, const Shape& shape, const Initializer& initializer,
                             bool learned) {
  auto parameter = std::make_shared<Parameter>();
  parameter->path = std::move(path);
  parameter->shape = shape;
  parameter->initializer = initializer;
  parameter->trainable = learned;
  parameter->statistic = !learned;
  add(parameter);
  return *parameter;
}

void ParameterSet::add(const ParameterPtr& parameter, std::string path) {
  if (std::find(parameters_.begin(), parameters_.end(), parameter) != parameters_.end()) return;
  if (path.empty()) path = parameter->path;
  check(!allocated(), "parameters: {} was declared after memory was given to the others", path);
  check(!contains(path), "parameters: two are called {}", path);
  parameters_.push_back(parameter);
  paths_.push_back(std::move(path));
}

bool ParameterSet::contains(std::string_view path) const {
  return std::find(paths_.begin(), paths_.end(), path) != paths_.end();
}

void ParameterSet::allocate(uint64_t seed, DType dtype, Device device, bool with_gradients) {
  check(!allocated(), "parameters: memory was given twice");
  if (lies_together() && parameters_[0]->buffers &&
      (!with_gradients || parameters_[0]->buffers->gradients.defined())) {
    buffers_ = parameters_[0]->buffers;
    check(values().dtype() == dtype && values().device() == device,
          "parameters: the layers are {} on {} in another model, this one wants {} on {}",
          name_of(values().dtype()), values().device().name(), name_of(dtype), device.name());
    return;
  }
  place(with_neighbours(parameters_), seed, dtype, device, with_gradients);
}

bool ParameterSet::lies_together() const {
  return !parameters_.empty() &&
         std::all_of(parameters_.begin(), parameters_.end(),
                     [&](const ParameterPtr& p) { return p->buffers == parameters_[0]->buffers; });
}

void ParameterSet::place(const std::vector<ParameterPtr>& parameters, uint64_t seed, DType dtype,
                         Device device, bool with_gradients) {
  int64_t learned = 0, kept = 0;
  for (const ParameterPtr& parameter : parameters) {
    if (parameter->buffers) {
      const Tensor& old = parameter->value;
      check(old.dtype() == dtype && old.device() == device,
            "parameters: {} is {} on {} in another model, this one wants {} on {}", parameter->path,
            name_of(old.dtype()), old.device().name(), name_of(dtype), device.name());
      with_gradients = with_gradients || parameter->gradient.defined();
    }
    int64_t& total = parameter->statistic ? kept : learned;
    parameter->offset = total;
    total += rounded(parameter->shape.elements());
  }
  auto buffers = std::make_shared<ParameterBuffers>();
  buffers->values = Tensor::zeros({learned}, dtype, device);
  buffers->statistics = Tensor::zeros({kept}, dtype, device);
  if (with_gradients) buffers->gradients = Tensor::zeros({learned}, dtype, device);
  bool moved = false;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const ParameterPtr& parameter = parameters[i];
    const Tensor& buffer = parameter->statistic ? buffers->statistics : buffers->values;
    Tensor value = buffer.range(parameter->offset, parameter->shape);
    if (parameter->buffers) {
      value.copy_from(parameter->value);
      moved = true;
    } else if (!parameter->initializer.is_zeros()) {
      std::vector<double> drawn = parameter->initializer.draw(parameter->shape, seed, paths_[i]);
      value.copy_from(Tensor::from(drawn, parameter->shape).to(dtype).to(device));
    }
    parameter->value = value;
    if (!parameter->statistic && with_gradients)
      parameter->gradient = buffers->gradients.range(parameter->offset, parameter->shape);
    watch_as_needed(*parameter);
    parameter->buffers = buffers;
    buffers->members.push_back(parameter);
  }
  buffers_ = std::move(buffers);
  if (moved) TrainStep::forget_captured();
}

const ParameterBuffers& ParameterSet::buffers() const {
  static const ParameterBuffers none;
  if (!buffers_) return none;
  // Another model that has these layers as well may have moved them, all of them.
  if (!parameters_.empty()) buffers_ = parameters_[0]->buffers;
  return *buffers_;
}

const Tensor& ParameterSet::values() const {
  return buffers().values;
}
const Tensor& ParameterSet::gradients() const {
  return buffers().gradients;
}
const Tensor& ParameterSet::statistics() const {
  return buffers().statistics;
}

Parameter& ParameterSet::at(std::string_view path) const {
  for (size_t i = 0; i < paths_.size(); ++i)
    if (paths_[i] == path) return *parameters_[i];
  fail(ErrorKind::failed, "parameters: there is none called {}", path);
}

int64_t ParameterSet::trainable_count() const {
  int64_t count = 0;
  for (const ParameterPtr& parameter : parameters_)
    count += parameter->trainable ? parameter->shape.elements() : 0;
  return count;
}

int64_t ParameterSet::statistics_count() const {
  int64_t count = 0;
  for (const ParameterPtr& parameter : parameters_)
    count += parameter->trainable ? 0 : parameter->shape.elements();
  return count;
}

std::vector<ParameterSet::Segment> ParameterSet::segments(
    const std::function<bool(const Parameter&)>& chosen) const {
  std::vector<Segment> segments;
  for (const ParameterPtr& parameter : parameters_)
    if (!parameter->statistic && chosen(*parameter))
      segments.push_back({parameter->offset, parameter->offset + rounded(parameter->shape.elements())});
  std::sort(segments.begin(), segments.end(), [](Segment a, Segment b) { return a.begin < b.begin; });
  std::vector<Segment> joined;
  for (Segment segment : segments)
    if (!joined.empty() && joined.back().end == segment.begin)
      joined.back().end = segment.end;
    else
      joined.push_back(segment);
  return joined;
}

std::vector<ParameterSet::Segment> ParameterSet::trainable_segments() const {
  return segments([](const Parameter& parameter) { return parameter.trainable; });
}

void ParameterSet::take_gradients() {
  for (const ParameterPtr& parameter : parameters_) {
    Leaf* leaf = parameter->value.leaf();
    if (!leaf) continue;
    if (!leaf->fresh && !leaf->taken) leaf->gradient.fill_zero();
    leaf->fresh = false;
  }
}

}  // namespace manul
