#pragma once

#include <cstdint>
#include <string>

struct CUstream_st;

namespace manul::cuda {

class Accesses;

/// Empty if GPU `index` can be used, otherwise a sentence that says why not and what would mend it.
std::string why_unusable(int index);

/// 90 if the kernels that run on the current GPU were compiled for compute capability 9.0. Throws
/// ErrorKind::device if this build has none for it.
int compiled_architecture();

/// See allow_tf32() of framework/device.h. A captured step keeps what it was captured with.
void set_tf32(bool allowed);
bool tf32();

/// What work on one GPU needs. Made at first use and never destroyed: tensors may outlive static destructors,
/// and by then the driver may be gone.
class Context {
 public:
  /// The context of GPU `index`, which becomes the calling thread's current one. Throws ErrorKind::device.
  static Context& use(int index);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  int index() const { return index_; }
  /// All kernels run here, in order.
  CUstream_st* stream() const { return stream_; }
  /// Copies that run beside the kernels; events order them.
  CUstream_st* copy_stream() const { return copy_stream_; }
  int multiprocessors() const { return multiprocessors_; }
  /// Shared memory of one multiprocessor, for all blocks that it has at a time.
  size_t shared_bytes() const { return shared_bytes_; }
  /// All that the GPU has.
  size_t memory_bytes() const { return memory_bytes_; }
  /// 90 for compute capability 9.0
  int capability() const { return capability_; }
  /// True if kernels may be started before the former one is done, because each waits for what it needs of it
  /// (see launch.h).
  bool overlaps_kernels() const { return overlaps_kernels_; }
  /// `counter_count` counters in device memory that are 0 before and after each kernel: for finding out which
  /// block of a launch is the last. A kernel's own only after begin_kernel().
  uint32_t* counters() const { return counters_; }
  /// What the last kernel uses.
  Accesses& accesses() const { return *accesses_; }
  static constexpr int counter_count = 1 << 16;

 private:
  explicit Context(int index);

  int index_;
  CUstream_st *stream_ = nullptr, *copy_stream_ = nullptr;
  int multiprocessors_ = 0, capability_ = 0;
  size_t shared_bytes_ = 0, memory_bytes_ = 0;
  bool overlaps_kernels_ = false;
  uint32_t* counters_ = nullptr;
  Accesses* accesses_ = nullptr;
};

}  // namespace manul::cuda
