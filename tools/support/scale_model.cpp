#include "manul/tools/support/scale_model.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "manul/framework/distributed/gradient_sums.h"

namespace manul {
namespace {

/// How long the backward pass of a layer's call takes at least.
double backward_seconds(const Graph& graph, const GraphNode& node, int64_t batch, const GpuLimits& limits,
                        int element_bytes) {
  int64_t positions = 1;  // of the output, each of which all weights work for
  for (int axis = 0; axis + 1 < node.shape.rank(); ++axis) positions *= node.shape[axis];
  int64_t weights = 0;
  for (const Parameter* parameter : graph.layers()[static_cast<size_t>(node.layer)]->parameters())
    if (parameter->shape.rank() > 1) weights += parameter->shape.elements();
  int64_t elements = node.shape.elements();
  for (int input : node.inputs) elements += graph.nodes()[static_cast<size_t>(input)].shape.elements();
  auto samples = static_cast<double>(batch);
  double products = 2 * 2 * samples * static_cast<double>(positions * weights);  // of both gradients
  double moved = 2 * samples * static_cast<double>(elements) * element_bytes;  // values, and their gradients
  return std::max(products / limits.operations, moved / limits.bytes);
}

}  // namespace

double Fabric::seconds_of_sum(double bytes, int64_t gpus) const {
  if (gpus < 2) return 0;
  auto all = static_cast<double>(gpus);
  double hosts = std::ceil(all / gpus_of_host), inside = std::min<double>(all, gpus_of_host);
  bool is_network = hosts > 1;
  double ring_hops = is_network ? (2 * (all - 1) - 2 * hosts) * ring_hop_inside + 2 * hosts * hop_between
                                : 2 * (all - 1) * ring_hop_inside;
  double tree_hops = 2 * ((inside - 1) * tree_hop_inside + std::ceil(std::log2(hosts)) * hop_between);
  double bandwidth = is_network ? std::min(bandwidth_inside, inside * bandwidth_between) : bandwidth_inside;
  return begin + std::min(ring_hops, tree_hops) + 2 * (all - 1) / all * bytes / bandwidth;
}

double seconds_of_step(const LoneStep& step, const Fabric& fabric, double slowed, int64_t gpus) {
  double now = 0, worked = 0;
  if (gpus > 1)
    for (const SummedStretch& stretch : step.stretches) {
      double waits = std::max(stretch.ready - worked, 0.0);
      double sum = fabric.seconds_of_sum(stretch.bytes, gpus);
      now += waits + sum;
      worked = std::min(worked + waits + sum * (1 - slowed), step.passes);
    }
  return now + (step.passes - worked) + step.update;
}

LoneStep lone_step(const Model& model, int64_t batch, double seconds, const GpuLimits& limits,
                   int element_bytes, int gradient_bytes) {
  constexpr double update_bytes = 7 * 4;  // reads four numbers and writes three
  LoneStep step{};
  step.update = update_bytes * static_cast<double>(model.parameters().trainable_count()) / limits.bytes;
  step.passes = seconds - step.update;
  Graph graph = model.graph().flat();
  const std::vector<GraphNode>& nodes = graph.nodes();
  std::map<const Parameter*, double> made;  // when the backward pass has come to it
  double worked = 0;
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    if (node->inputs.empty()) continue;
    worked += backward_seconds(graph, *node, batch, limits, element_bytes);
    for (const Parameter* parameter : graph.layers()[static_cast<size_t>(node->layer)]->parameters())
      made[parameter] = worked;
  }
  double forward = step.passes / 3, backward = step.passes - forward;
  for (const GradientStretch& stretch : gradient_stretches(model.parameters(), true)) {
    double last = 0;
    for (const Parameter* parameter : stretch.parameters) last = std::max(last, made.at(parameter));
    step.stretches.push_back({forward + backward * last / worked,
                              static_cast<double>((stretch.end - stretch.begin) * gradient_bytes)});
  }
  return step;
}

}  // namespace manul
