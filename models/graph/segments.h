#pragma once

#include "manul/models/graph/fusion.h"

namespace manul {

/// Neighbouring steps of a plan of which training keeps the values that later steps read, and computes the
/// others again for the gradients.
struct PlanSegment {
  size_t begin, end;                 // steps
  std::vector<int> inputs, outputs;  // nodes: read from before, and read behind or outputs of the graph
  bool is_kept = false;              // nothing is computed again: the last one, and what may run only once
};

/// Steps in segments so that training takes the least memory at any time (Chen et al. 2016, with the graph's
/// own sizes, and what is kept of a segment gone once its gradients are there). Borders lie where few values
/// cross: between a ResNet's blocks.
std::vector<PlanSegment> plan_segments(const Graph& graph, const std::vector<PlanStep>& steps);

}  // namespace manul
