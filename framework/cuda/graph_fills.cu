#include <vector>

#include "manul/framework/cuda/graph_fills.h"
#include "manul/framework/cuda/launch.h"

namespace manul::cuda {
namespace {

constexpr size_t most_filled = size_t{16} << 10;
constexpr int fill_threads = 256;

/// Not launched in the stream: its edges in the graph say what it waits for.
__global__ void fill_few_kernel(unsigned char* to, unsigned value, unsigned element_bytes, unsigned bytes) {
  unsigned i = blockIdx.x * fill_threads + threadIdx.x;
  if (i < bytes) to[i] = static_cast<unsigned char>(value >> (i % element_bytes * 8));
}

using Nodes = std::vector<cudaGraphNode_t>;

// The edges of a memset have no data (those between kernels that overlap do).

#if CUDART_VERSION >= 13000
cudaError_t list_before(cudaGraphNode_t node, cudaGraphNode_t* to, size_t* count) {
  return cudaGraphNodeGetDependencies(node, to, nullptr, count);
}
cudaError_t list_behind(cudaGraphNode_t node, cudaGraphNode_t* to, size_t* count) {
  return cudaGraphNodeGetDependentNodes(node, to, nullptr, count);
}
cudaError_t let_wait(cudaGraph_t graph, cudaGraphNode_t node, cudaGraphNode_t before) {
  return cudaGraphAddDependencies(graph, &before, &node, nullptr, 1);
}
#else
cudaError_t list_before(cudaGraphNode_t node, cudaGraphNode_t* to, size_t* count) {
  return cudaGraphNodeGetDependencies(node, to, count);
}
cudaError_t list_behind(cudaGraphNode_t node, cudaGraphNode_t* to, size_t* count) {
  return cudaGraphNodeGetDependentNodes(node, to, count);
}
cudaError_t let_wait(cudaGraph_t graph, cudaGraphNode_t node, cudaGraphNode_t before) {
  return cudaGraphAddDependencies(graph, &before, &node, 1);
}
#endif

/// What list(where, to, count) lists: without `to` it counts.
template <class List, class Where>
Nodes nodes_of(List list, Where where) {
  size_t count = 0;
  MANUL_CHECK_CUDA(list(where, nullptr, &count));
  Nodes nodes(count);
  if (count > 0) MANUL_CHECK_CUDA(list(where, nodes.data(), &count));
  return nodes;
}

void replace_by_kernel(cudaGraph_t graph, cudaGraphNode_t fill, const cudaMemsetParams& what) {
  auto* to = static_cast<unsigned char*>(what.dst);
  unsigned value = what.value, element_bytes = what.elementSize;
  auto bytes = static_cast<unsigned>(what.elementSize * what.width);
  void* arguments[] = {&to, &value, &element_bytes, &bytes};
  cudaKernelNodeParams kernel{};
  kernel.func = reinterpret_cast<void*>(fill_few_kernel);
  kernel.gridDim = dim3(blocks_for(bytes, fill_threads));
  kernel.blockDim = dim3(fill_threads);
  kernel.kernelParams = arguments;
  Nodes before = nodes_of(list_before, fill);
  cudaGraphNode_t node = nullptr;
  MANUL_CHECK_CUDA(cudaGraphAddKernelNode(&node, graph, before.data(), before.size(), &kernel));
  for (cudaGraphNode_t behind : nodes_of(list_behind, fill)) MANUL_CHECK_CUDA(let_wait(graph, behind, node));
  MANUL_CHECK_CUDA(cudaGraphDestroyNode(fill));
}

}  // namespace

void replace_small_fills(CUgraph_st* graph) {
  for (cudaGraphNode_t node : nodes_of(cudaGraphGetNodes, graph)) {
    cudaGraphNodeType type{};
    MANUL_CHECK_CUDA(cudaGraphNodeGetType(node, &type));
    if (type != cudaGraphNodeTypeMemset) continue;
    cudaMemsetParams what{};
    MANUL_CHECK_CUDA(cudaGraphMemsetNodeGetParams(node, &what));
    bool is_small = what.height <= 1 && what.width <= most_filled / what.elementSize;
    if (is_small) replace_by_kernel(graph, node, what);
  }
}

}  // namespace manul::cuda
