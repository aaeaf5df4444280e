#pragma once

#include <cstdint>
#include <vector>

#include "manul/models/graph/model.h"

namespace manul {

/// The cost model of docs/scale.md: how long a training step of many GPUs takes. Seconds and bytes.

/// What sums of gradients take over GPUs that are joined inside hosts and hosts by a network: a ring or a
/// tree, whichever is faster. As NCCL's own model (its tuning.cc) has it: what a sum costs to begin, hops,
/// and 2 (n - 1) / n of the bytes over the slowest way on a ring of n.
struct Fabric {
  int gpus_of_host = 8;
  double begin = 0;                                                  // of a sum
  double ring_hop_inside = 0, tree_hop_inside = 0, hop_between = 0;  // one each
  double bandwidth_inside = 0;   // bytes a second that go round a ring of GPUs of one host
  double bandwidth_between = 0;  // of each GPU's own port to the network

  double seconds_of_sum(double bytes, int64_t gpus) const;
};

/// A stretch of gradients that is summed at once: there when the forward and backward pass have worked for so
/// long.
struct SummedStretch {
  double ready;
  double bytes;
};

/// A training step of one GPU alone.
struct LoneStep {
  double passes;  // forward and backward
  double update;
  std::vector<SummedStretch> stretches;  // in the order in which they are there
};

/// Goes through the step of `gpus` of them: the passes make the gradients of one stretch after the other;
/// each is summed when it is there and the stretch before it is done; while a sum goes on, the passes get on
/// by 1 - `slowed` of their speed; the update follows both.
double seconds_of_step(const LoneStep& step, const Fabric& fabric, double slowed, int64_t gpus);

/// What a GPU can do at its best, for the shares of layers in a step.
struct GpuLimits {
  double operations;  // a second
  double bytes;       // of its memory, a second
};

/// Lays a step of `seconds` out for a network: the update reads and writes each weight's value, gradient and
/// two moments once, in f32; of the rest a third is the forward pass. In the backward pass a layer's share
/// goes by what limits it: its products (twice those of its forward pass), or the bytes of its inputs and
/// outputs, `element_bytes` each. Gradients are summed in the stretches that training makes of them,
/// `gradient_bytes` an element.
LoneStep lone_step(const Model& model, int64_t batch, double seconds, const GpuLimits& limits,
                   int element_bytes, int gradient_bytes = 4);

}  // namespace manul
