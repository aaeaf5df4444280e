#include "manul/framework/cuda/nccl.h"

#include "manul/framework/error.h"

#ifdef MANUL_NCCL_LIBRARY

#include <nccl.h>

#include <algorithm>

#include "manul/framework/cuda/accesses.h"
#include "manul/framework/cuda/address_range.h"
#include "manul/framework/cuda/context.h"
#include "manul/framework/cuda/handle.h"
#include "manul/framework/cuda/library.h"
#include "manul/framework/cuda/memory.h"

namespace manul::cuda {
namespace {

static_assert(sizeof(ncclUniqueId) == Nccl::id_bytes);

/// The functions of NCCL that are used, loaded with the first sum.
struct Functions {
  Library library{"NCCL", {MANUL_NCCL_LIBRARY, "libnccl.so.2"}};
  decltype(ncclGetUniqueId)* new_id = library.function<decltype(ncclGetUniqueId)>("ncclGetUniqueId");
  decltype(ncclCommInitRank)* join = library.function<decltype(ncclCommInitRank)>("ncclCommInitRank");
  decltype(ncclAllReduce)* sum = library.function<decltype(ncclAllReduce)>("ncclAllReduce");
  decltype(ncclCommGetAsyncError)* problem =
      library.function<decltype(ncclCommGetAsyncError)>("ncclCommGetAsyncError");
  decltype(ncclGetErrorString)* text = library.function<decltype(ncclGetErrorString)>("ncclGetErrorString");
  decltype(ncclGetLastError)* last_error = library.function<decltype(ncclGetLastError)>("ncclGetLastError");
};

const Functions& nccl() {
  static const Functions* functions = new Functions;
  return *functions;
}

void check_nccl(ncclResult_t status, const char* what) {
  if (status == ncclSuccess) return;
  std::string last = nccl().last_error(nullptr);
  fail(ErrorKind::device, "cuda: NCCL cannot {}: {}{}{}", what, nccl().text(status), last.empty() ? "" : ": ",
       last);
}

ncclDataType_t type_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return ncclFloat32;
    case DType::f64:
      return ncclFloat64;
    case DType::bf16:
      return ncclBfloat16;
    case DType::i32:
      return ncclInt32;
    case DType::u8:
      break;
  }
  fail(ErrorKind::failed, "cuda: there are no sums of {} over several GPUs", name_of(dtype));
}

}  // namespace

/// What is in it is left to the end of the process: captured steps may still use it, and at the exit the
/// driver may be gone before.
struct Nccl::Body {
  int device = 0;
  ncclComm_t communicator = nullptr;
  cudaStream_t stream = nullptr;
  cudaEvent_t made = nullptr, summed = nullptr;
  uint32_t* mark = nullptr;  // 4 bytes
};

std::vector<uint8_t> Nccl::new_id() {
  ncclUniqueId id;
  check_nccl(nccl().new_id(&id), "begin");
  const auto* bytes = reinterpret_cast<const uint8_t*>(&id);
  return {bytes, bytes + sizeof id};
}

Nccl::Nccl(std::span<const uint8_t> bytes, int rank, int size, int device) : body_(std::make_unique<Body>()) {
  check(bytes.size() == id_bytes, "cuda: an id of NCCL has {} bytes, not {}", id_bytes, bytes.size());
  ncclUniqueId id;
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<uint8_t*>(&id));
  Context::use(device);
  AddressRange::refuse_more();
  body_->device = device;
  check_nccl(nccl().join(&body_->communicator, size, id, rank),
             "join the GPUs (each process needs one of its own)");
  int least = 0, greatest = 0;
  MANUL_CHECK_CUDA(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  MANUL_CHECK_CUDA(cudaStreamCreateWithPriority(&body_->stream, cudaStreamNonBlocking, greatest));
  for (cudaEvent_t* event : {&body_->made, &body_->summed})
    MANUL_CHECK_CUDA(cudaEventCreateWithFlags(event, cudaEventDisableTiming));
  void* mark = nullptr;
  MANUL_CHECK_CUDA(cudaMalloc(&mark, sizeof(uint32_t)));
  body_->mark = static_cast<uint32_t*>(mark);
}

Nccl::~Nccl() = default;

void Nccl::begin_sum(const Tensor& values) {
  check(values.device() == Device::cuda(body_->device),
        "cuda: a sum over the GPUs of values on {}, not on cuda:{}", values.device().name(), body_->device);
  const Context& context = Context::use(body_->device);
  MANUL_CHECK_CUDA(cudaEventRecord(body_->made, context.stream()));
  MANUL_CHECK_CUDA(cudaStreamWaitEvent(body_->stream, body_->made, 0));
  check_nccl(nccl().sum(values.raw(), values.raw(), static_cast<size_t>(values.elements()),
                        type_of(values.dtype()), ncclSum, body_->communicator, body_->stream),
             "begin a sum");
}

void Nccl::finish_sums() {
  const Context& context = Context::use(body_->device);
  MANUL_CHECK_CUDA(cudaEventRecord(body_->summed, body_->stream));
  MANUL_CHECK_CUDA(cudaStreamWaitEvent(context.stream(), body_->summed, 0));
  // The next kernel may begin before the former kernel of its stream is done (launch.h), never before this.
  MANUL_CHECK_CUDA(cudaMemsetAsync(body_->mark, 0, sizeof(uint32_t), context.stream()));
  context.accesses().note_foreign_launch();
}

std::string Nccl::problem() const {
  ncclResult_t status = ncclSuccess;
  if (ncclResult_t asked = nccl().problem(body_->communicator, &status); asked != ncclSuccess) status = asked;
  if (status == ncclSuccess || status == ncclInProgress) return {};
  std::string last = nccl().last_error(nullptr);
  return std::string("the sums over the GPUs have failed: ") + nccl().text(status) +
         (last.empty() ? "" : ": ") + last;
}

}  // namespace manul::cuda

#else  // NCCL's header was not there when this was built

namespace manul::cuda {

struct Nccl::Body {};

std::vector<uint8_t> Nccl::new_id() {
  fail(ErrorKind::device,
       "cuda: this build cannot sum over several GPUs: NCCL was not found when it was configured (its header "
       "nccl.h, which comes with NVIDIA's packages; NCCL_ROOT says where it is)");
}
Nccl::Nccl(std::span<const uint8_t> /*id*/, int /*rank*/, int /*size*/, int /*device*/) {
  new_id();
}
Nccl::~Nccl() = default;
void Nccl::begin_sum(const Tensor& /*values*/) {}
void Nccl::finish_sums() {}
std::string Nccl::problem() const {
  return {};
}

}  // namespace manul::cuda

#endif
