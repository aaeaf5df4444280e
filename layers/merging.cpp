#include "manul/layers/merging.h"

#include <algorithm>

#include "manul/ops/dense/matmul.h"
#include "manul/ops/pointwise/where.h"
#include "manul/ops/reduce/reduce_axes.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

const char* article(std::string_view class_name) {
  return std::string_view("AEIOU").find(class_name[0]) == std::string_view::npos ? "a" : "an";
}

/// A batch with as many axes as `rank` says; the new ones stand behind the batch's.
Tensor with_rank(const Tensor& x, int rank) {
  std::vector<int64_t> lengths(x.shape().begin(), x.shape().end());
  if (static_cast<int>(lengths.size()) == rank) return x;
  lengths.insert(lengths.begin() + 1, rank - lengths.size(), 1);
  return reshape(x, Shape(lengths));
}

Tensor merged(Merge kind, const Tensor& a, const Tensor& b) {
  Shape shape = broadcast_shape("merge", a.shape(), b.shape());
  // A gate of squeeze and excitation is not written for each pixel.
  bool commutes = kind == Merge::add || kind == Merge::average || kind == Merge::multiply;
  if (commutes && a.shape() != shape && b.shape() == shape) return merged(kind, b, a);
  Tensor left = broadcast_to(a, shape);
  Tensor right = repetition_of(shape, b.shape()) ? b : broadcast_to(b, shape);
  switch (kind) {
    case Merge::add:
    case Merge::average:
      return add(left, right);
    case Merge::subtract:
      return subtract(left, right);
    case Merge::multiply:
      return multiply(left, right);
    case Merge::maximum:
      return maximum(left, right);
    case Merge::minimum:
      return minimum(left, right);
  }
  fail(ErrorKind::failed, "there is no way {} to merge", static_cast<int>(kind));
}

/// The mask of steps that count in one of these.
Tensor either_of(const std::vector<Tensor>& masks) {
  Tensor result = masks.at(0);
  for (size_t i = 1; i < masks.size(); ++i) {
    Shape shape = broadcast_shape("merge: masks", result.shape(), masks[i].shape());
    result = maximum(broadcast_to(result, shape), broadcast_to(masks[i], shape));
  }
  return result;
}

/// A mask for every element of x.
Tensor for_elements(const Tensor& mask, const Tensor& x) {
  return broadcast_to(expand_dims(mask, -1), x.shape());
}

/// The merge of inputs of one shape where steps that do not count take no part; steps that count nowhere are
/// 0 in a product of inputs that all have masks.
Tensor merge_masked(Merge kind, const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) {
  Tensor one = Tensor::full({1}, 1, inputs.at(0).dtype(), inputs[0].device());
  auto has_mask = [](const Tensor& mask) { return mask.defined(); };
  bool all = std::all_of(masks.begin(), masks.end(), has_mask);
  Tensor result, counts;  // where the result holds something that counts; undefined: everywhere
  for (size_t i = 0; i < inputs.size(); ++i) {
    check(inputs[i].shape() == inputs[0].shape(),
          "merge: inputs with masks have one shape, not {} and {} (batches)", inputs[0].shape(),
          inputs[i].shape());
    Tensor x = inputs[i], mask = masks[i].defined() ? for_elements(masks[i], x) : Tensor();
    if (kind == Merge::multiply) {
      if (mask.defined()) x = where(mask, x, one);
      result = i == 0 ? x : multiply(result, x);
      continue;
    }
    if (i > 0) {
      Tensor before = result;
      if (mask.defined()) x = where(mask, x, before);
      if (counts.defined()) result = where(counts, before, x);
      mask = mask.defined() && counts.defined() ? maximum(counts, mask) : Tensor();
      result = merged(kind, result, x);
    } else {
      result = x;
    }
    counts = mask;
  }
  if (kind != Merge::multiply || !all) return result;
  return where(for_elements(either_of(masks), result), result, scale(one, 0));
}

/// `axis` of a batch of samples of `rank` axes, counted from the front; throws for the batch's own.
int batch_axis(const std::string& name, const char* class_name, int64_t axis, int rank) {
  int64_t at = axis < 0 ? axis + rank + 1 : axis;
  check(at >= 1 && at <= rank, "{}: {} {} runs over an axis of the samples, from 1 to {}, not over axis {}",
        name, article(class_name), class_name, rank, axis);
  return static_cast<int>(at);
}

/// The axes of both inputs that a Dot runs over.
std::pair<int, int> dot_axes(const Dot& dot, int first_rank, int second_rank) {
  const std::vector<int64_t>& axes = dot.axes.values;
  check(axes.size() <= 2, "{}: a Dot runs over one axis of each input, not over {}", dot.name, axes.size());
  return {batch_axis(dot.name, Dot::class_name, axes.front(), first_rank),
          batch_axis(dot.name, Dot::class_name, axes.back(), second_rank)};
}

/// x with its axis `axis` moved to `place`.
Tensor with_axis_at(const Tensor& x, int axis, int place) {
  std::vector<int> order;
  for (int i = 0; i < x.shape().rank(); ++i)
    if (i != axis) order.push_back(i);
  order.insert(order.begin() + place, axis);
  return std::is_sorted(order.begin(), order.end()) ? x : transpose(x, order);
}

/// x / sqrt(max(sum of x² over the axis, 1e-12))
Tensor normalized(const Tensor& x, int axis) {
  Tensor sum = sum_to(square(x), with_length(x.shape(), axis, 1));
  Tensor norm = sqrt(maximum(sum, Tensor::full(sum.shape(), 1e-12, sum.dtype(), sum.device())));
  return divide(x, broadcast_to(norm, x.shape()));
}

}  // namespace

template <Merge kind>
Shape MergeLayer<kind>::output_shape(const std::vector<Shape>& inputs) const {
  bool takes_two = kind == Merge::subtract;
  check(takes_two ? inputs.size() == 2 : inputs.size() >= 2, "{}: {} {} takes {} inputs, not {}", name,
        article(class_name), class_name, takes_two ? "two" : "at least two", inputs.size());
  Shape shape = inputs[0];
  for (const Shape& input : inputs) {
    std::optional<Shape> both = common_shape(shape, input);
    check(both.has_value(), "{}: {} {} takes inputs of one shape, or with axes of length 1, not {} and {}",
          name, article(class_name), class_name, shape, input);
    shape = *both;
  }
  return shape;
}

template <Merge kind>
Tensor MergeLayer<kind>::call(const std::vector<Tensor>& inputs, const CallContext& context) const {
  constexpr bool heeds_masks = kind == Merge::multiply || kind == Merge::maximum || kind == Merge::minimum;
  if (heeds_masks && context.masks) return merge_masked(kind, inputs, *context.masks);
  int rank = 0;
  for (const Tensor& input : inputs) rank = std::max(rank, input.shape().rank());
  Tensor result = with_rank(inputs.at(0), rank);
  for (size_t i = 1; i < inputs.size(); ++i) result = merged(kind, result, with_rank(inputs[i], rank));
  if (kind == Merge::average) return scale(result, 1.0 / static_cast<double>(inputs.size()));
  return result;
}

template <Merge kind>
bool MergeLayer<kind>::gives_mask(const std::vector<bool>& masked) const {
  return std::all_of(masked.begin(), masked.end(), [](bool has) { return has; });
}

template <Merge kind>
Tensor MergeLayer<kind>::compute_mask(const std::vector<Tensor>& /*inputs*/,
                                      const std::vector<Tensor>& masks) const {
  return either_of(masks);
}

template struct MergeLayer<Merge::add>;
template struct MergeLayer<Merge::subtract>;
template struct MergeLayer<Merge::multiply>;
template struct MergeLayer<Merge::average>;
template struct MergeLayer<Merge::maximum>;
template struct MergeLayer<Merge::minimum>;

Shape Concatenate::output_shape(const std::vector<Shape>& inputs) const {
  check(!inputs.empty(), "{}: a Concatenate takes at least one input", name);
  int at = batch_axis(name, class_name, axis.value, inputs[0].rank()) - 1;
  int64_t length = 0;
  for (const Shape& input : inputs) {
    bool fits =
        input.rank() == inputs[0].rank() && with_length(input, at, 0) == with_length(inputs[0], at, 0);
    check(fits, "{}: a Concatenate takes inputs that differ along axis {} alone, not {} and {}", name,
          axis.value, inputs[0], input);
    length += input[at];
  }
  return with_length(inputs[0], at, length);
}

Tensor Concatenate::call(const std::vector<Tensor>& inputs) const {
  return concat(inputs, static_cast<int>(axis.value));
}

bool Concatenate::gives_mask(const std::vector<bool>& masked) const {
  return std::any_of(masked.begin(), masked.end(), [](bool has) { return has; });
}

Tensor Concatenate::compute_mask(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) const {
  std::vector<Tensor> parts;
  for (size_t i = 0; i < inputs.size(); ++i)
    parts.push_back(masks[i].defined()
                        ? for_elements(masks[i], inputs[i])
                        : Tensor::full(inputs[i].shape(), 1, inputs[i].dtype(), inputs[i].device()));
  return max(concat(parts, static_cast<int>(axis.value)), -1);
}

Shape Dot::output_shape(const std::vector<Shape>& inputs) const {
  check(inputs.size() == 2, "{}: a Dot takes two inputs, not {}", name, inputs.size());
  const Shape &a = inputs[0], &b = inputs[1];
  auto [first, second] = dot_axes(*this, a.rank(), b.rank());
  check(a[first - 1] == b[second - 1],
        "{}: a Dot takes inputs that are equally long along its axes, not {} along {} and {} along {}", name,
        a, first, b, second);
  std::vector<int64_t> lengths(a.begin(), a.end());
  lengths.erase(lengths.begin() + first - 1);
  for (int axis = 0; axis < b.rank(); ++axis)
    if (axis != second - 1) lengths.push_back(b[axis]);
  if (lengths.empty()) lengths.push_back(1);
  return Shape(lengths);
}

Tensor Dot::call(const std::vector<Tensor>& inputs) const {
  Tensor a = inputs.at(0), b = inputs.at(1);
  auto [first, second] = dot_axes(*this, a.shape().rank() - 1, b.shape().rank() - 1);
  int64_t batch = a.shape()[0], length = a.shape()[first];
  Shape result = output_shape({a.shape().sample(), b.shape().sample()}).batch_of(batch);
  if (normalize) {
    a = normalized(a, first);
    b = normalized(b, second);
  }
  a = with_axis_at(a, first, a.shape().rank() - 1);
  b = with_axis_at(b, second, 1);
  int64_t of_sample = std::max<int64_t>(batch * length, 1);
  Tensor product = matmul(reshape(a, {batch, a.elements() / of_sample, length}),
                          reshape(b, {batch, length, b.elements() / of_sample}));
  return reshape(product, result);
}

template class LayerOf<Add>;
template class LayerOf<Subtract>;
template class LayerOf<Multiply>;
template class LayerOf<Average>;
template class LayerOf<Maximum>;
template class LayerOf<Minimum>;
template class LayerOf<Concatenate>;
template class LayerOf<Dot>;

}  // namespace manul
