#include "manul/framework/cuda/graph.h"

#include <utility>

#include "manul/framework/cuda/block_pool.h"
#include "manul/framework/cuda/context.h"
#include "manul/framework/cuda/graph_fills.h"
#include "manul/framework/cuda/handle.h"
#include "manul/framework/cuda/memory.h"
#include "manul/framework/distributed/waiting.h"
#include "manul/framework/error.h"

namespace manul::cuda {

struct Graph::Body {
  Body(const Context& context, MemoryPlan plan)
      : stream(context.stream()), index(context.index()), arena(index, std::move(plan)) {}

  cudaStream_t stream;
  int index;
  Arena arena;
  Handle<cudaGraphExec_t, cudaError_t> executable;
};

namespace {

using GraphHandle = Handle<cudaGraph_t, cudaError_t>;

GraphHandle record(const std::function<void()>& function, Arena& arena, cudaStream_t stream) {
  Arena::Scope scope(arena);
  // Relaxed: the arena may grow by cudaMalloc, and other threads may go on using CUDA.
  MANUL_CHECK_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
  cudaGraph_t graph = nullptr;
  try {
    function();
  } catch (...) {
    cudaStreamEndCapture(stream, &graph);
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();
    throw;
  }
  MANUL_CHECK_CUDA(cudaStreamEndCapture(stream, &graph));
  return {graph, cudaGraphDestroy};
}

}  // namespace

Graph::Graph(std::unique_ptr<Body> body) : body_(std::move(body)) {}

Graph::~Graph() {
  // A launch may still be running on the arena's memory.
  WaitingForOthers waiting;
  if (cudaStreamSynchronize(body_->stream) != cudaSuccess) cudaGetLastError();
}

std::unique_ptr<Graph> Graph::capture(const std::function<void()>& function, int index, MemoryPlan plan) {
  if (capturing()) fail(ErrorKind::device, "cuda: a step cannot be captured within another one");
  Context& context = Context::use(index);
  trim(index);  // the eager run's blocks would otherwise stay beside the arena's
  auto body = std::make_unique<Body>(context, std::move(plan));
  GraphHandle graph = record(function, body->arena, context.stream());
  replace_small_fills(graph.get());
  cudaGraphExec_t executable = nullptr;
  MANUL_CHECK_CUDA(cudaGraphInstantiate(&executable, graph.get(), 0));
  body->executable = {executable, cudaGraphExecDestroy};
  MANUL_CHECK_CUDA(cudaGraphUpload(executable, context.stream()));
  return std::unique_ptr<Graph>(new Graph(std::move(body)));
}

void Graph::launch() const {
  Context::use(body_->index);
  WaitingForOthers waiting;  // until there is room for it behind launches that may
  MANUL_CHECK_CUDA(cudaGraphLaunch(body_->executable.get(), body_->stream));
}

}  // namespace manul::cuda
