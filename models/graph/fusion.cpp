#include "manul/models/graph/fusion.h"

#include <algorithm>

#include "manul/models/graph/matcher.h"
#include "manul/ops/fused/conv_relu_pool.h"

namespace manul {

const ZeroPadding2D* only_padding(const Matcher& matcher, int node) {
  int producer = matcher.only_producer(node);
  return producer >= 0 ? matcher.layer<ZeroPadding2D>(producer) : nullptr;
}

namespace {

/// Conv2D with relu, then MaxPooling2D; `with_padding`: and a ZeroPadding2D in front, if there is one.
std::optional<Match> conv_relu_pool_match(const Matcher& matcher, int node, bool with_padding) {
  const auto* pool = matcher.layer<MaxPooling2D>(node);
  if (!pool) return {};
  std::vector<int> nodes{node};
  int producer = matcher.only_producer(node);
  bool relu_apart = producer >= 0 && matcher.activation(producer) == Activation::relu;
  if (relu_apart) {
    nodes.push_back(producer);
    producer = matcher.only_producer(producer);
  }
  const auto* conv = producer >= 0 ? matcher.layer<Conv2D>(producer) : nullptr;
  Activation wanted = relu_apart ? Activation::linear : Activation::relu;
  if (!conv || conv->activation != wanted) return {};
  nodes.push_back(producer);
  const ZeroPadding2D* padding = with_padding ? only_padding(matcher, producer) : nullptr;
  if (padding) {
    producer = matcher.only_producer(producer);
    nodes.push_back(producer);
  }
  auto call = [conv, pool, borders = padding ? padding->padding : Borders2D(0)](
                  const std::vector<Tensor>& inputs, const CallContext& /*context*/) {
    return conv_relu_pool(inputs.at(0), conv->kernel, conv->bias, conv->op_options(borders),
                          pool->op_options());
  };
  return Match{nodes, {matcher.inputs(producer), node, call, Activation::linear, {}, nullptr, {}}};
}
std::optional<Match> conv_relu_pool_pattern(const Matcher& matcher, int node) {
  return conv_relu_pool_match(matcher, node, false);
}
std::optional<Match> padded_conv_relu_pool_pattern(const Matcher& matcher, int node) {
  return conv_relu_pool_match(matcher, node, true);
}

template <class Options>
std::optional<Match> padded_match(const Matcher& matcher, int node) {
  const auto* layer = matcher.layer<Options>(node);
  const ZeroPadding2D* padding = layer ? only_padding(matcher, node) : nullptr;
  if (!padding) return {};
  int producer = matcher.only_producer(node);
  auto call = [layer, borders = padding->padding](const std::vector<Tensor>& inputs,
                                                  const CallContext& /*context*/) {
    return layer->call_padded(inputs.at(0), borders);
  };
  return Match{{node, producer}, {matcher.inputs(producer), node, call, Activation::linear, {}, nullptr, {}}};
}

/// ZeroPadding2D, then a convolution or a maximum, which take the zeros as borders.
std::optional<Match> zero_padding_pattern(const Matcher& matcher, int node) {
  if (std::optional<Match> match = padded_match<MaxPooling2D>(matcher, node)) return match;
  if (std::optional<Match> match = padded_match<Conv2D>(matcher, node)) return match;
  if (std::optional<Match> match = padded_match<DepthwiseConv2D>(matcher, node)) return match;
  return padded_match<SeparableConv2D>(matcher, node);
}

/// Concatenate of pictures along their channels, then Conv2D.
std::optional<Match> concatenation_pattern(const Matcher& matcher, int node) {
  const auto* conv = matcher.layer<Conv2D>(node);
  const int producer = conv ? matcher.only_producer(node) : -1;
  const auto* concatenate = producer >= 0 ? matcher.layer<Concatenate>(producer) : nullptr;
  if (!concatenate) return {};
  const int64_t axis = concatenate->axis.value, last = matcher.shape(producer).rank();  // behind the batch's
  if (axis != -1 && axis != last) return {};
  auto call = [conv](const std::vector<Tensor>& inputs, const CallContext& /*context*/) {
    return conv->call_concatenated(inputs);
  };
  return Match{{node, producer}, {matcher.inputs(producer), node, call, Activation::linear, {}, nullptr, {}}};
}

PlanStep dense_step(const Dense& dense, Activation activation, const std::vector<int>& inputs, int node) {
  auto call_with = [&dense](Activation wanted) {
    return [&dense, wanted](const std::vector<Tensor>& x, const CallContext& /*context*/) {
      return dense.call_fused(x.at(0), wanted);
    };
  };
  return {inputs, node, call_with(activation), activation, call_with(Activation::linear), &dense, {}};
}

/// Dense with its own activation, or with an activation layer behind it.
std::optional<Match> dense_activation_pattern(const Matcher& matcher, int node) {
  if (const auto* dense = matcher.layer<Dense>(node))
    return Match{{node}, dense_step(*dense, dense->activation, matcher.inputs(node), node)};
  std::optional<Activation> activation = matcher.activation(node);
  int producer = activation ? matcher.only_producer(node) : -1;
  const auto* dense = producer >= 0 ? matcher.layer<Dense>(producer) : nullptr;
  if (!dense || dense->activation != Activation::linear) return {};
  return Match{{node, producer}, dense_step(*dense, *activation, matcher.inputs(producer), node)};
}

/// The context of a call that may say itself whether it is one of training.
CallContext as_told(CallContext context, std::optional<bool> training) {
  context.training = training.value_or(context.training);
  return context;
}

/// BatchNormalization with what may follow it: an Add with something of its shape, an activation.
std::optional<Match> normalization_tail_pattern(const Matcher& matcher, int node) {
  std::optional<NormalizationMatch> match = match_normalization(matcher, node, is_fused_in_normalization);
  if (!match || match->normalized == node) return {};
  const auto* layer = matcher.layer<BatchNormalization>(match->normalized);
  std::vector<int> nodes = match->nodes, inputs = matcher.inputs(match->normalized);
  nodes.push_back(match->normalized);
  if (match->addend >= 0) inputs.push_back(match->addend);
  auto call = [layer, activation = match->activation, training = matcher.training(match->normalized)](
                  const std::vector<Tensor>& inputs, const CallContext& context) {
    return layer->call_fused(inputs.at(0), as_told(context, training),
                             {inputs.size() > 1 ? inputs[1] : Tensor(), activation});
  };
  return Match{nodes, {inputs, node, call, Activation::linear, {}, nullptr, {}}};
}

/// A layer called as it is.
PlanStep plain_step(const Graph& graph, const Matcher& matcher, int node) {
  const Layer* layer = graph.layers()[graph.nodes()[node].layer].get();
  auto call_all = [layer, training = graph.nodes()[node].training](const std::vector<Tensor>& inputs,
                                                                   const CallContext& context) {
    return layer->call(inputs, as_told(context, training));
  };
  auto call = [call_all](const std::vector<Tensor>& inputs, const CallContext& context) {
    return call_all(inputs, context).at(0);
  };
  PlanStep step{matcher.inputs(node), node, call, Activation::linear, {}, nullptr, {}};
  if (graph.outputs_of_call(node) > 1) {
    step.call_all = call_all;
    return step;
  }
  if (const auto* dense = matcher.layer<Dense>(node)) {
    step.activation = dense->activation;
    step.call_without_activation =
        dense_step(*dense, step.activation, step.inputs, node).call_without_activation;
    step.dense = dense;
  } else if (std::optional<Activation> activation = matcher.activation(node)) {
    step.activation = *activation;
    step.call_without_activation = [](const std::vector<Tensor>& inputs, const CallContext& /*context*/) {
      return inputs.at(0);
    };
  }
  return step;
}

/// What a step of these nodes has to do with masks.
void add_mask(const Graph& graph, const Matcher& matcher, int node, PlanStep& step) {
  const Layer* layer = graph.layers()[graph.nodes()[node].layer].get();
  step.has_masked_input = matcher.has_masked_input(node);
  if (!matcher.is_masked(node)) return;
  step.mask = [layer](const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) {
    return layer->compute_mask(inputs, masks);
  };
}

}  // namespace

std::optional<NormalizationMatch> match_normalization(const Matcher& matcher, int node,
                                                      bool (*allows)(Activation)) {
  NormalizationMatch match;
  match.activation = matcher.activation(node).value_or(Activation::linear);
  int end = node;
  if (match.activation != Activation::linear) {
    end = matcher.only_producer(node);
    if (end < 0 || !allows(match.activation)) return {};
    match.nodes.push_back(node);
  }
  match.normalized = end;
  if (matcher.layer<Add>(end)) {
    const std::vector<int>& sides = matcher.inputs(end);
    if (sides.size() != 2 || matcher.shape(sides[0]) != matcher.shape(sides[1])) return {};
    bool second = matcher.layer<BatchNormalization>(sides[1]) && matcher.feeds_one(sides[1]);
    match.normalized = sides[second], match.addend = sides[!second];
    if (!matcher.feeds_one(match.normalized)) return {};
    match.nodes.push_back(end);
  }
  bool fits = matcher.layer<BatchNormalization>(match.normalized) &&
              matcher.policy(match.normalized) == matcher.policy(node);
  return fits ? std::optional(std::move(match)) : std::nullopt;
}

std::vector<bool> masked_nodes(const Graph& graph, const std::vector<bool>& masked_inputs) {
  std::vector<bool> masked(graph.nodes().size());
  for (size_t i = 0; i < masked_inputs.size(); ++i) masked[graph.inputs()[i]] = masked_inputs[i];
  for (size_t node = 0; node < masked.size(); ++node) {
    const GraphNode& called = graph.nodes()[node];
    if (called.inputs.empty()) continue;
    std::vector<bool> inputs;
    for (int input : called.inputs) inputs.push_back(masked[input]);
    masked[node] = graph.layers()[called.layer]->gives_mask(inputs);
  }
  return masked;
}

std::vector<PlanStep> plan_steps(const Graph& graph, const Fusion& fusion, Purpose purpose) {
  std::vector<Pattern> patterns;
  if (purpose == Purpose::prediction && fusion.folded_normalization)
    patterns.push_back(fusion.zero_padding ? folded_padded_pattern : folded_pattern);
  if (fusion.conv_relu_pool)
    patterns.push_back(fusion.zero_padding ? padded_conv_relu_pool_pattern : conv_relu_pool_pattern);
  if (fusion.zero_padding) patterns.push_back(zero_padding_pattern);
  if (fusion.concatenation) patterns.push_back(concatenation_pattern);
  if (fusion.normalization_tail) patterns.push_back(normalization_tail_pattern);
  if (purpose == Purpose::prediction && fusion.convolution_tail) patterns.push_back(convolution_tail_pattern);
  if (fusion.dense_activation) patterns.push_back(dense_activation_pattern);

  Matcher matcher(graph);
  std::vector<bool> covered(graph.nodes().size());
  for (int node : graph.inputs()) covered[node] = true;
  std::vector<PlanStep> steps;
  for (int node = static_cast<int>(graph.nodes().size()) - 1; node >= 0; --node) {
    if (covered[node] || graph.nodes()[node].output > 0) continue;  // the first of a call stands for all
    std::optional<Match> match;
    for (Pattern pattern : patterns)
      if (!match) match = pattern(matcher, node);
    bool heeds_masks = match && match->nodes.size() > 1 &&
                       std::any_of(match->nodes.begin(), match->nodes.end(),
                                   [&](int of_step) { return matcher.has_masked_input(of_step); });
    if (heeds_masks) match.reset();
    if (!match) match = Match{{node}, plain_step(graph, matcher, node)};
    for (int computed : match->nodes) covered[computed] = true;
    const Layer& layer = *graph.layers()[graph.nodes()[node].layer];
    match->step.dtype_policy = layer.dtype_policy();
    match->step.autocasts = layer.autocasts();
    for (int computed : match->nodes)
      match->step.adds_losses |= graph.layers()[graph.nodes()[computed].layer]->adds_losses();
    match->step.activity_regularizer = layer.activity_regularizer();
    if (match->step.activity_regularizer) match->step.dense = nullptr;
    if (match->nodes.size() == 1) add_mask(graph, matcher, node, match->step);
    steps.push_back(std::move(match->step));
  }
  return {steps.rbegin(), steps.rend()};
}

}  // namespace manul
