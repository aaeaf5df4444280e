#pragma once

struct CUgraph_st;

namespace manul::cuda {

/// Puts a kernel in place of each memset of a few bytes in a graph that was captured on the current GPU:
/// cuDNN and cuBLAS have one in front of many products, and between kernels it keeps a GPU idle for 4
/// microseconds. Throws ErrorKind::device.
void replace_small_fills(CUgraph_st* graph);

}  // namespace manul::cuda
