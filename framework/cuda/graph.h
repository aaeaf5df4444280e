#pragma once

#include <functional>
#include <memory>

#include "manul/framework/memory_plan.h"

namespace manul::cuda {

/// Work of one function, recorded once and replayed as a whole. Keeps the memory that the work uses.
class Graph {
 public:
  /// Runs `function` on GPU `index` with its work recorded instead of done: it takes memory from an arena of
  /// its own, and may neither copy from or to the host nor wait. `plan` is that of an eager run
  /// (MemoryTrace). Throws ErrorKind::device, or what the function throws.
  static std::unique_ptr<Graph> capture(const std::function<void()>& function, int index,
                                        MemoryPlan plan = {});
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Does the recorded work, in order with the GPU's other kernels; does not wait.
  void launch() const;

 private:
  struct Body;
  explicit Graph(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

}  // namespace manul::cuda
