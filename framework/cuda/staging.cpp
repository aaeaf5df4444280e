#include "manul/framework/cuda/staging.h"

#include <algorithm>

#include "manul/framework/cuda/context.h"
#include "manul/framework/cuda/handle.h"
#include "manul/framework/cuda/memory.h"
#include "manul/framework/distributed/waiting.h"
#include "manul/framework/error.h"

namespace manul::cuda {

Staging::Staging(size_t bytes, int index) : context_(Context::use(index)) {
  void* memory = nullptr;
  if (cudaError_t status = cudaHostAlloc(&memory, bytes, cudaHostAllocDefault); status != cudaSuccess) {
    cudaGetLastError();
    fail(ErrorKind::device, "cuda:{}: {:.1f} MiB of host memory cannot be pinned for copies to the GPU: {}",
         index, bytes / double{1 << 20}, cudaGetErrorString(status));
  }
  host_ = static_cast<uint8_t*>(memory);
}

Staging::~Staging() {
  // A copy may still be reading; of a lost GPU there is nothing left to wait for.
  WaitingForOthers waiting;
  cudaStreamSynchronize(context_.copy_stream());
  cudaFreeHost(host_);
  cudaGetLastError();
}

void Staging::Free::operator()(CUevent_st* event) const {
  cudaEventDestroy(event);
}

Staging::Mark Staging::mark(int64_t rows, CUstream_st* stream) {
  cudaEvent_t event = nullptr;
  MANUL_CHECK_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  Mark mark{rows, std::unique_ptr<CUevent_st, Free>(event)};
  MANUL_CHECK_CUDA(cudaEventRecord(event, stream));
  return mark;
}

void Staging::begin(int64_t first, int64_t overwritten) {
  refuse_while_capturing("an upload");
  Context::use(context_.index());
  used_.push_back(mark(first, context_.stream()));
  while (used_.size() > 1 && used_.front().rows < overwritten) used_.pop_front();
  // The oldest step that is new enough: waiting for the newest would leave nothing to overlap with.
  if (overwritten > 0)
    MANUL_CHECK_CUDA(cudaStreamWaitEvent(context_.copy_stream(), used_.front().event.get(), 0));
}

void Staging::copy(void* to, const void* from, size_t bytes) {
  MANUL_CHECK_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, context_.copy_stream()));
}

void Staging::end(int64_t rows_before) {
  copied_.push_back(mark(rows_before, context_.copy_stream()));
  MANUL_CHECK_CUDA(cudaStreamWaitEvent(context_.stream(), copied_.back().event.get(), 0));
}

int64_t Staging::wait_until_copied(int64_t wanted) {
  for (; !copied_.empty(); copied_.pop_front()) {
    cudaEvent_t event = copied_.front().event.get();
    cudaError_t status = cudaEventQuery(event);
    if (status == cudaErrorNotReady) {
      if (rows_copied_ >= wanted) break;
      WaitingForOthers waiting;  // the copy comes behind steps that may
      MANUL_CHECK_CUDA(cudaEventSynchronize(event));
    } else {
      MANUL_CHECK_CUDA(status);
    }
    rows_copied_ = copied_.front().rows;
  }
  return rows_copied_;
}

void Staging::finish() {
  synchronize(context_.index());
  WaitingForOthers waiting;
  MANUL_CHECK_CUDA(cudaStreamSynchronize(context_.copy_stream()));
  used_.clear();
  copied_.clear();
  rows_copied_ = 0;
}

}  // namespace manul::cuda
