#include "manul/models/graph/segments.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace manul {
namespace {

/// The bytes of each step's values for one sample, and until which step they are read.
class Sizes {
 public:
  Sizes(const Graph& graph, const std::vector<PlanStep>& steps)
      : made_by(graph.nodes().size(), -1), last_use(graph.nodes().size(), -1), bytes_(graph.nodes().size()) {
    for (size_t i = 0; i < steps.size(); ++i) {
      int64_t size = compute_dtype(steps[i].dtype_policy) == DType::bf16 ? 2 : 4;
      int count = steps[i].call_all ? graph.outputs_of_call(steps[i].output) : 1;
      for (int k = 0; k < count; ++k) {
        int node = steps[i].output + k;
        made_by[node] = static_cast<int>(i);
        bytes_[node] = size * graph.nodes()[node].shape.elements();
      }
      for (int input : steps[i].inputs) last_use[input] = static_cast<int>(i);
    }
    for (int output : graph.outputs()) last_use[output] = static_cast<int>(steps.size());
    made_.resize(steps.size());
    for (size_t node = 0; node < made_by.size(); ++node)
      if (made_by[node] >= 0) made_[made_by[node]].push_back(static_cast<int>(node));
  }

  int64_t made(size_t step) const { return sum(step, -1); }
  /// What of it a step from `end` on reads.
  int64_t crossing(size_t step, size_t end) const { return sum(step, static_cast<int>(end)); }

  std::vector<int> made_by, last_use;  // by node; -1: none

 private:
  int64_t sum(size_t step, int end) const {
    int64_t total = 0;
    for (int node : made_[step])
      if (last_use[node] >= end) total += bytes_[node];
    return total;
  }
  std::vector<int64_t> bytes_;
  std::vector<std::vector<int>> made_;  // by step
};

/// Where the segments end that keep the least while none takes more than `most`: with what is kept of those
/// before it, whose gradients come later, a segment's own values and two gradients of its largest.
std::optional<std::vector<size_t>> borders_within(const Sizes& sizes, size_t steps, int64_t most) {
  constexpr int64_t none = std::numeric_limits<int64_t>::max() / 2;
  std::vector<int64_t> kept(steps + 1, none);
  std::vector<size_t> begins(steps + 1);
  kept[0] = 0;
  for (size_t end = 1; end <= steps; ++end) {
    int64_t own = 0, largest = 0, crossing = 0;
    for (size_t begin = end; begin-- > 0;) {
      own += sizes.made(begin);
      largest = std::max(largest, sizes.made(begin));
      if (own > most) break;
      if (end < steps) crossing += sizes.crossing(begin, end);
      if (kept[begin] + own + 2 * largest > most || kept[begin] + crossing >= kept[end]) continue;
      kept[end] = kept[begin] + crossing;
      begins[end] = begin;
    }
  }
  if (kept[steps] == none) return {};
  std::vector<size_t> ends;
  for (size_t end = steps; end > 0; end = begins[end]) ends.push_back(end);
  std::reverse(ends.begin(), ends.end());
  return ends;
}

bool may_run_twice(const PlanStep& step) {
  return !step.activity_regularizer && !step.adds_losses && !step.mask && !step.has_masked_input;
}

}  // namespace

std::vector<PlanSegment> plan_segments(const Graph& graph, const std::vector<PlanStep>& steps) {
  Sizes sizes(graph, steps);
  int64_t largest = 1;
  for (size_t i = 0; i < steps.size(); ++i) largest = std::max(largest, sizes.made(i));
  std::optional<std::vector<size_t>> ends;
  constexpr double step = 1.05;
  for (auto most = static_cast<double>(largest); !ends; most *= step)
    ends = borders_within(sizes, steps.size(), static_cast<int64_t>(most));

  std::vector<PlanSegment> segments;
  for (size_t end : *ends) {
    PlanSegment segment{segments.empty() ? 0 : segments.back().end, end, {}, {}};
    segment.is_kept = end == steps.size();
    auto is_inside = [&](int at) {
      return at >= static_cast<int>(segment.begin) && at < static_cast<int>(end);
    };
    for (size_t i = segment.begin; i < end; ++i) {
      segment.is_kept |= !may_run_twice(steps[i]);
      for (int input : steps[i].inputs)
        if (!is_inside(sizes.made_by[input]) && std::ranges::count(segment.inputs, input) == 0)
          segment.inputs.push_back(input);
    }
    for (size_t node = 0; node < sizes.made_by.size(); ++node)
      if (is_inside(sizes.made_by[node]) && sizes.last_use[node] >= static_cast<int>(end))
        segment.outputs.push_back(static_cast<int>(node));
    segments.push_back(std::move(segment));
  }
  return segments;
}

}  // namespace manul
