#include "manul/models/graph/folding.h"

#include "manul/framework/tape.h"
#include "manul/models/graph/matcher.h"
#include "manul/ops/fused/conv2d_activation.h"
#include "manul/ops/shape/shape_ops.h"

namespace manul {
namespace {

/// `values` in `memory`, which is made the first time.
void keep_in(Tensor& memory, const Tensor& values, DTypePolicy policy) {
  Tensor wanted = values.dtype() == DType::f32 ? values.to(compute_dtype(policy)) : values;
  if (memory.defined())
    memory.copy_from(wanted);
  else
    memory = wanted;
}

}  // namespace

void FoldedWeights::compute() {
  Unrecorded unrecorded;
  if (first) first->compute();
  const Tensor &kernel = kernel_.stored(), &bias = bias_.stored();
  const Tensor &gamma = normalization_.gamma.stored(), &beta = normalization_.beta.stored();
  Tensor deviation = sqrt(scale(normalization_.moving_variance.stored(), 1, normalization_.epsilon));
  Tensor factor = gamma.defined() ? divide(gamma, deviation) : reciprocal(deviation);
  int64_t filters = factor.elements(), rest = kernel.elements() / filters;
  Tensor folded = filters_first_ ? multiply(kernel.view({filters, rest}),
                                            broadcast_to(factor.view({filters, 1}), {filters, rest}))
                                 : multiply(kernel.view({rest, filters}), factor);
  keep_in(folded_kernel_, folded.view(kernel.shape()), policy_);
  const Tensor& mean = normalization_.moving_mean.stored();
  Tensor shift = multiply(bias.defined() ? subtract(bias, mean) : negative(mean), factor);
  keep_in(folded_bias_, beta.defined() ? add(shift, beta) : shift, policy_);
}

namespace {

/// A layer that the normalization behind it can be folded into.
struct Foldable {
  const Weight *kernel, *bias;
  bool filters_first;
  /// The layer with these weights, and what follows it.
  std::function<Tensor(const Tensor& x, const FoldedWeights& weights, const NormalizationTail& tail)> call;
};

Foldable foldable_of(const Conv2D& layer, const Borders2D& borders) {
  return {&layer.kernel, &layer.bias, true,
          [&layer, borders](const Tensor& x, const FoldedWeights& weights, const NormalizationTail& tail) {
            return conv2d_activation(x, weights.kernel(), weights.bias(), layer.op_options(borders), tail);
          }};
}
Foldable foldable_of(const SeparableConv2D& layer, const Borders2D& borders) {
  return {&layer.pointwise_kernel, &layer.bias, true,
          [&layer, borders](const Tensor& x, const FoldedWeights& weights, const NormalizationTail& tail) {
            return conv2d_activation(layer.between(x, borders), weights.kernel(), weights.bias(), {}, tail);
          }};
}
Foldable foldable_of(const DepthwiseConv2D& layer, const Borders2D& borders) {
  return {&layer.depthwise_kernel, &layer.bias, false,
          [&layer, borders](const Tensor& x, const FoldedWeights& weights, const NormalizationTail& tail) {
            if (tail.addend.defined())
              return finish(depthwise_conv2d(x, weights.kernel(), weights.bias(), layer.op_options(borders)),
                            tail);
            return depthwise_conv2d_activation(x, weights.kernel(), weights.bias(), layer.op_options(borders),
                                               Activation::linear, tail.activation);
          }};
}
/// Those that nothing in front of them is part of.
template <class Layer>
Foldable foldable_of(const Layer& layer, const Weight& kernel, bool filters_first) {
  return {&kernel, &layer.bias, filters_first,
          [&layer](const Tensor& x, const FoldedWeights& weights, const NormalizationTail& tail) {
            return finish(layer.linear(x, weights.kernel(), weights.bias()), tail);
          }};
}

template <class Layer>
const Layer* linear_layer(const Matcher& matcher, int node) {
  const auto* layer = matcher.layer<Layer>(node);
  return layer && layer->activation == Activation::linear ? layer : nullptr;
}

std::optional<Foldable> foldable_at(const Matcher& matcher, int node, const Borders2D& borders) {
  if (const auto* layer = linear_layer<Conv2D>(matcher, node)) return foldable_of(*layer, borders);
  if (const auto* layer = linear_layer<DepthwiseConv2D>(matcher, node)) return foldable_of(*layer, borders);
  if (const auto* layer = linear_layer<SeparableConv2D>(matcher, node)) return foldable_of(*layer, borders);
  if (const auto* layer = linear_layer<Conv2DTranspose>(matcher, node))
    return foldable_of(*layer, layer->kernel, false);
  if (const auto* layer = linear_layer<Dense>(matcher, node))
    return foldable_of(*layer, layer->kernel, false);
  if (const auto* layer = linear_layer<Conv1D>(matcher, node))
    return foldable_of(*layer, layer->kernel, true);
  if (const auto* layer = linear_layer<DepthwiseConv1D>(matcher, node))
    return foldable_of(*layer, layer->depthwise_kernel, false);
  if (const auto* layer = linear_layer<SeparableConv1D>(matcher, node))
    return foldable_of(*layer, layer->pointwise_kernel, true);
  if (const auto* layer = linear_layer<Conv1DTranspose>(matcher, node))
    return foldable_of(*layer, layer->kernel, false);
  return {};
}

/// Whether the call at `node` normalizes the last axis with the moving statistics.
bool is_affine(const Matcher& matcher, int node) {
  const auto* layer = matcher.layer<BatchNormalization>(node);
  int64_t rank = matcher.shape(node).rank();
  return !matcher.training(node).value_or(false) && (layer->axis.value == -1 || layer->axis.value == rank);
}

/// A layer, the normalization that is folded into it, and what follows them.
struct Folded {
  std::vector<int> nodes, inputs;  // the addend is the last input, if there is one
  int layer;                       // a node
  bool adds;
  Activation activation;
  std::shared_ptr<FoldedWeights> weights;
  decltype(Foldable::call) call;
};

std::optional<Folded> find_folded(const Matcher& matcher, int node, bool with_padding) {
  std::optional<NormalizationMatch> match = match_normalization(matcher, node, is_elementwise);
  if (!match || !is_affine(matcher, match->normalized)) return {};
  int layer = matcher.only_producer(match->normalized);
  if (layer < 0) return {};
  bool takes_padding = matcher.layer<Conv2D>(layer) || matcher.layer<DepthwiseConv2D>(layer) ||
                       matcher.layer<SeparableConv2D>(layer);
  const ZeroPadding2D* padding = with_padding && takes_padding ? only_padding(matcher, layer) : nullptr;
  std::optional<Foldable> found = foldable_at(matcher, layer, padding ? padding->padding : Borders2D(0));
  if (!found) return {};
  Folded folded{match->nodes, {}, layer, match->addend >= 0, match->activation, nullptr, found->call};
  folded.nodes.insert(folded.nodes.end(), {match->normalized, layer});
  int first = layer;
  if (padding) folded.nodes.push_back(first = matcher.only_producer(layer));
  folded.inputs = matcher.inputs(first);
  if (folded.adds) folded.inputs.push_back(match->addend);
  folded.weights = std::make_shared<FoldedWeights>(*found->kernel, *found->bias,
                                                   *matcher.layer<BatchNormalization>(match->normalized),
                                                   found->filters_first, matcher.policy(layer));
  return folded;
}

Match step_of(const Folded& folded) {
  auto call = [weights = folded.weights, call = folded.call, activation = folded.activation](
                  const std::vector<Tensor>& inputs, const CallContext& /*context*/) {
    return call(inputs.at(0), *weights, {inputs.size() > 1 ? inputs[1] : Tensor(), activation});
  };
  Match match{folded.nodes, {folded.inputs, folded.nodes[0], call, Activation::linear, {}, nullptr, {}}};
  match.step.folded = folded.weights;
  return match;
}

/// Those that libraries do not compute behind a convolution, and that cost little where pixels are read.
bool is_computed_by_readers(Activation activation) {
  return activation == Activation::relu6 || activation == Activation::hard_silu;
}

/// The depthwise convolution with the Conv2D that widens its input, as MobileNets have them: on a GPU the
/// activation between them is computed where pixels are read.
std::optional<Match> expanded_match(const Matcher& matcher, const Folded& narrow, bool with_padding) {
  const auto* depthwise = linear_layer<DepthwiseConv2D>(matcher, narrow.layer);
  if (!depthwise || narrow.adds) return {};
  int between = narrow.inputs[0];
  if (!matcher.feeds_one(between) || matcher.policy(between) != matcher.policy(narrow.layer)) return {};
  std::optional<Folded> wide = find_folded(matcher, between, with_padding);
  if (!wide || wide->adds || !linear_layer<Conv2D>(matcher, wide->layer) ||
      !is_computed_by_readers(wide->activation))
    return {};
  const ZeroPadding2D* padding = with_padding ? only_padding(matcher, narrow.layer) : nullptr;
  auto call = [wide = *wide, weights = narrow.weights, after = narrow.activation, depthwise,
               borders = padding ? padding->padding : Borders2D(0)](const std::vector<Tensor>& inputs,
                                                                    const CallContext& /*context*/) {
    bool later = inputs.at(0).device().is_cuda();
    Tensor x = wide.call(inputs[0], *wide.weights, {{}, later ? Activation::linear : wide.activation});
    return depthwise_conv2d_activation(x, weights->kernel(), weights->bias(), depthwise->op_options(borders),
                                       later ? wide.activation : Activation::linear, after);
  };
  std::vector<int> nodes = narrow.nodes;
  nodes.insert(nodes.end(), wide->nodes.begin(), wide->nodes.end());
  Match match{nodes, {wide->inputs, nodes[0], call, Activation::linear, {}, nullptr, {}}};
  match.step.folded = narrow.weights;
  match.step.folded->first = wide->weights;
  return match;
}

std::optional<Match> folded_match(const Matcher& matcher, int node, bool with_padding) {
  std::optional<Folded> folded = find_folded(matcher, node, with_padding);
  if (!folded) return {};
  if (std::optional<Match> expanded = expanded_match(matcher, *folded, with_padding)) return expanded;
  return step_of(*folded);
}

}  // namespace

std::optional<Match> convolution_tail_pattern(const Matcher& matcher, int node) {
  Activation activation = matcher.activation(node).value_or(Activation::linear);
  std::vector<int> nodes{node};
  int end = activation == Activation::linear ? node : matcher.only_producer(node);
  if (end < 0) return {};
  int convolution = end, addend = -1;
  if (matcher.layer<Add>(end)) {
    const std::vector<int>& sides = matcher.inputs(end);
    if (sides.size() != 2 || matcher.shape(sides[0]) != matcher.shape(sides[1])) return {};
    bool second = linear_layer<Conv2D>(matcher, sides[1]) && matcher.feeds_one(sides[1]);
    convolution = sides[second], addend = sides[!second];
    if (!matcher.feeds_one(convolution)) return {};
    if (end != node) nodes.push_back(end);
  }
  const auto* layer = matcher.layer<Conv2D>(convolution);
  if (!layer || matcher.policy(convolution) != matcher.policy(node)) return {};
  if (convolution != node) {
    if (layer->activation != Activation::linear) return {};
    nodes.push_back(convolution);
  } else {
    activation = layer->activation;
  }
  if (!is_elementwise(activation) || (activation == Activation::linear && addend < 0)) return {};
  std::vector<int> inputs = matcher.inputs(convolution);
  if (addend >= 0) inputs.push_back(addend);
  auto call = [layer, activation](const std::vector<Tensor>& inputs, const CallContext& /*context*/) {
    return conv2d_activation(inputs.at(0), layer->kernel, layer->bias, layer->op_options(),
                             {inputs.size() > 1 ? inputs[1] : Tensor(), activation});
  };
  return Match{nodes, {inputs, node, call, Activation::linear, {}, nullptr, {}}};
}

std::optional<Match> folded_pattern(const Matcher& matcher, int node) {
  return folded_match(matcher, node, false);
}
std::optional<Match> folded_padded_pattern(const Matcher& matcher, int node) {
  return folded_match(matcher, node, true);
}

}  // namespace manul
