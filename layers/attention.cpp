#include "manul/layers/attention.h"

#include <algorithm>
#include <cmath>

#include "manul/framework/random.h"
#include "manul/layers/config/keras_objects.h"
#include "manul/layers/constant_like.h"
#include "manul/ops/dense/attention.h"
#include "manul/ops/dense/heads_matmul.h"
#include "manul/ops/pointwise/where.h"
#include "manul/ops/random/dropout.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

int64_t features_of(const MultiHeadAttention& layer, const Shape& query) {
  return layer.output_features ? layer.output_features->values.at(0) : query[-1];
}

/// The order that puts the axes of a batch with `rank` axes as batch, other, attention, features.
std::vector<int> attention_order(const MultiHeadAttention& layer, int rank) {
  std::vector<int> order, attention;
  for (int axis = 0; axis < rank - 1; ++axis) {
    bool attends = axis > 0;
    if (layer.attention_axes && axis > 0) {
      const std::vector<int64_t>& axes = layer.attention_axes->values;
      attends = std::any_of(axes.begin(), axes.end(),
                            [&](int64_t named) { return named == axis || named + rank == axis; });
    }
    (attends ? attention : order).push_back(axis);
  }
  order.insert(order.end(), attention.begin(), attention.end());
  order.push_back(rank - 1);
  return order;
}

int attention_count(const MultiHeadAttention& layer, int rank) {
  return layer.attention_axes ? static_cast<int>(layer.attention_axes->values.size()) : rank - 2;
}

Shape shape_in(const std::vector<int>& order, const Shape& shape) {
  std::vector<int64_t> lengths;
  for (int axis : order) lengths.push_back(shape[axis]);
  return Shape(lengths);
}

/// x with its axes in this order.
Tensor in_order(const Tensor& x, const std::vector<int>& order) {
  return std::is_sorted(order.begin(), order.end()) ? x : transpose(x, order);
}

/// Of [query, value], [query, value, key] or [query, value, key, attention_mask].
template <class T>
const T& key_of(const std::vector<T>& inputs) {
  return inputs.at(inputs.size() > 2 ? 2 : 1);
}

/// [T, S]: 1 where a query may look at a value, which is not after it.
std::vector<double> causal_places(int64_t queries, int64_t values) {
  std::vector<double> places;
  for (int64_t query = 0; query < queries; ++query)
    for (int64_t value = 0; value < values; ++value) places.push_back(value <= query ? 1 : 0);
  return places;
}

/// What query, value, key, attention_mask and causality leave to look at, of the shape of the scores [N,
/// heads, T, S], in the dtype of `like`; undefined: everything.
Tensor attention_mask(const MultiHeadAttention& layer, const std::vector<Tensor>& inputs,
                      const CallContext& context, const Shape& scores, const Tensor& like) {
  Tensor all;
  auto take = [&](const Tensor& mask) {
    Tensor whole = broadcast_to(mask, scores);
    all = all.defined() ? multiply(all, whole) : whole;
  };
  int64_t batch = scores[0], queries = scores[2], values = scores[3];
  for (size_t i = 0; i < std::min<size_t>(inputs.size(), 3); ++i) {
    Tensor mask = context.mask(i);
    if (!mask.defined()) continue;
    check(mask.elements() == batch * (i == 0 ? queries : values),
          "{}: a MultiHeadAttention heeds masks of sequences [N, steps], not {}", layer.name, mask.shape());
    take(reshape(mask, i == 0 ? Shape{batch, 1, queries, 1} : Shape{batch, 1, 1, values}));
  }
  if (layer.use_causal_mask)
    take(constant_like(causal_places(queries, values), {queries, values}, like, layer.causal_mask));
  if (inputs.size() == 4)
    take(not_equal(inputs[3].shape().rank() == 3 ? expand_dims(inputs[3], 1) : inputs[3], 0));
  return all;
}

/// Keras' softmax of the scores that `mask` leaves: the others are -1e9. `zeroes`: and 0 afterwards, also
/// where nothing is left.
Tensor masked_softmax(const Tensor& scores, const Tensor& mask, bool zeroes) {
  if (!mask.defined()) return softmax(scores);
  auto number = [&](double value) { return Tensor::full({1}, value, scores.dtype(), scores.device()); };
  Tensor y = softmax(where(mask, scores, number(-1e9)));
  return zeroes ? where(mask, y, number(0)) : y;
}

/// x as [batch and places of attention, features].
Tensor as_places(const Tensor& x) {
  return reshape(x, {x.shape().rows(), x.shape()[-1]});
}

/// A batch of sequences.
struct Sequences {
  int64_t batch = 1, places = 1;
  /// Of a batch whose last axes are `attention` places and the features.
  Sequences(const Shape& shape, int attention) {
    for (int axis = 0; axis < shape.rank() - 1; ++axis)
      (axis < shape.rank() - 1 - attention ? batch : places) *= shape[axis];
  }
};

/// Places [B * T, D] projected by kernel [D, heads, size] to [B, T, heads, size].
Tensor projected(const Tensor& x, const Sequences& of, const Tensor& kernel, const Tensor& bias) {
  int64_t heads = kernel.shape()[1], size = kernel.shape()[2], features = x.shape()[1];
  Tensor y = dense(x, reshape(kernel, {features, heads * size}),
                   bias.defined() ? reshape(bias, {heads * size}) : Tensor());
  return reshape(y, {of.batch, of.places, heads, size});
}

}  // namespace

void MultiHeadAttention::describe(Description& description) {
  description.required("num_heads", num_heads, at_least(1));
  description.required("key_dim", key_dim, at_least(1));
  description.option("value_dim", value_dim, at_least(1));
  description.option("dropout", dropout, from_to_below(0, 1));
  description.option("use_bias", use_bias);
  description.option("output_shape", output_features, at_least(1));
  description.option("attention_axes", attention_axes);
  describe_kernel_and_bias(description);
  for (const char* key : {"query_shape", "key_shape", "value_shape", "seed"})
    description.kept(key, nullptr, Written::if_set);
  description.option("use_causal_mask", use_causal_mask);
  description.fixed("use_gate", false, Written::if_set);
  description.fixed("sliding_window", nullptr, Written::if_set);
}

Shape MultiHeadAttention::output_shape(const std::vector<Shape>& inputs) const {
  check(inputs.size() >= 2 && inputs.size() <= 4,
        "{}: a MultiHeadAttention takes query, value and at most a key and an attention_mask, not {} inputs",
        name, inputs.size());
  check(!output_features || output_features->values.size() == 1,
        "{}: a MultiHeadAttention has an output_shape of one axis, not of {}", name,
        output_features ? output_features->values.size() : 0);
  const Shape &query = inputs[0], &value = inputs[1], &key = key_of(inputs);
  check(query.rank() >= 2 && value.rank() == query.rank() && key.rank() == query.rank(),
        "{}: a MultiHeadAttention takes inputs of equally many axes, at least two, not {} and {}", name,
        query, value.rank() == query.rank() ? key : value);
  int rank = query.rank() + 1, attention = attention_count(*this, rank);
  std::vector<int> order = attention_order(*this, rank);
  Shape batched_query = query.batch_of(1), batched_value = value.batch_of(1), batched_key = key.batch_of(1);
  std::vector<int> named(order.end() - 1 - std::min(attention, rank - 2), order.end() - 1);
  if (attention_axes) {
    for (int64_t axis : attention_axes->values)
      check(std::find(named.begin(), named.end(), axis < 0 ? axis + rank : axis) != named.end(),
            "{}: a MultiHeadAttention runs over axes from 1 to {}, each once, not over axis {}", name,
            rank - 2, axis);
  }
  for (int i = 0; i < rank - 1; ++i) {
    bool attends = std::find(named.begin(), named.end(), i) != named.end();
    bool fits = batched_key[i] == batched_value[i] && (attends || batched_query[i] == batched_value[i]);
    check(fits, "{}: a MultiHeadAttention takes inputs that go together, not query {}, value {} and key {}",
          name, query, value, key);
  }
  check((inputs.size() < 4 && !use_causal_mask) || query.rank() == 2,
        "{}: a MultiHeadAttention takes a mask where query and value are sequences [steps, features], not {}",
        name, query);
  if (inputs.size() == 4) {
    const Shape& mask = inputs[3];
    bool fits = (mask.rank() == 2 || (mask.rank() == 3 && (mask[0] == num_heads || mask[0] == 1))) &&
                mask[-2] == query[0] && mask[-1] == value[0];
    check(fits,
          "{}: the attention_mask of {} queries and {} values is [{}, {}], or that for each head, not {}",
          name, query[0], value[0], query[0], value[0], mask);
  }
  return with_length(query, query.rank() - 1, features_of(*this, query));
}

void MultiHeadAttention::build(const std::vector<Shape>& inputs, Weights& weights) {
  int64_t values = value_dim.value_or(key_dim), features = features_of(*this, inputs[0]);
  auto project = [&](Weight& kernel, Weight& bias, const std::string& part, const Shape& input,
                     int64_t size) {
    // Keras takes the fans of a kernel [in, heads, size] as [receptive field, in, out].
    weights.add(kernel, part + "/kernel", {input[-1], num_heads, size},
                Initializer::glorot_uniform(input[-1] * num_heads, input[-1] * size));
    if (use_bias) weights.add(bias, part + "/bias", {num_heads, size}, Initializer::zeros());
  };
  project(query_kernel, query_bias, "query", inputs[0], key_dim);
  project(key_kernel, key_bias, "key", key_of(inputs), key_dim);
  project(value_kernel, value_bias, "value", inputs[1], values);
  weights.add(output_kernel, "attention_output/kernel", {num_heads, values, features},
              Initializer::glorot_uniform(num_heads * values, num_heads * features));
  if (use_bias) weights.add(output_bias, "attention_output/bias", {features}, Initializer::zeros());
}

Tensor MultiHeadAttention::call(const std::vector<Tensor>& inputs, const CallContext& context) const {
  int rank = inputs.at(0).shape().rank(), attention = attention_count(*this, rank);
  std::vector<int> order = attention_order(*this, rank);
  auto places = [&](const Tensor& x) { return as_places(in_order(x, order)); };
  // The same tensor is taken in once, so that its gradients are added where they are computed.
  Tensor query = places(inputs[0]), value = inputs.at(1).is(inputs[0]) ? query : places(inputs[1]);
  Tensor key = inputs.size() < 3 || inputs[2].is(inputs[1]) ? value : places(inputs[2]);
  Sequences queries(shape_in(order, inputs[0].shape()), attention);
  Sequences keys(shape_in(order, inputs[1].shape()), attention);
  int64_t values = value_dim.value_or(key_dim);

  Tensor q = projected(query, queries, query_kernel, query_bias),
         k = projected(key, keys, key_kernel, key_bias), v = projected(value, keys, value_kernel, value_bias);
  double factor = 1 / std::sqrt(static_cast<double>(key_dim));
  Tensor mask =
      attention_mask(*this, inputs, context, {queries.batch, num_heads, queries.places, keys.places}, q);
  bool drops = context.training && dropout > 0;
  Tensor heads;
  if (!mask.defined() && !drops) {
    heads = manul::attention(q, k, v, factor);
  } else {
    Tensor weights = masked_softmax(heads_scores(q, k, factor), mask, dropout > 0);
    check(!drops || context.state != nullptr, "{}: its dropout draws from the state of the step in training",
          name);
    if (drops) weights = manul::dropout(weights, dropout, *context.state, random_key(name.c_str()));
    heads = heads_values(weights, v);
  }
  Tensor joined = reshape(heads, {query.shape()[0], num_heads * values});
  int64_t features = output_kernel.value().shape()[2];
  Tensor y = dense(joined, reshape(output_kernel, {num_heads * values, features}), output_bias);

  Shape ordered = with_length(shape_in(order, inputs[0].shape()), rank - 1, features);
  std::vector<int> inverse(rank);
  for (int i = 0; i < rank; ++i) inverse[order[i]] = i;
  return in_order(reshape(y, ordered), inverse);
}

template class LayerOf<MultiHeadAttention>;

}  // namespace manul
