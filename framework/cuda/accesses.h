#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

namespace manul::cuda {

/// What the kernel that was started last on a GPU may read and write. The next one may be started while that
/// one still runs, and may use early, before it waits for it (begin_kernel() of launch.h), what it leaves
/// alone. Kernels are told apart by the op that starts them (Kernel of framework/kernel.h): an op may use all
/// tensors whose data() or mutable_data() is asked for while it runs. May be used by several threads at once.
class Accesses {
 public:
  void begin_op();
  void end_op();
  void note(const void* data, size_t bytes, bool write);
  /// A kernel was started. Outside an op, nobody knows what it uses.
  void note_launch();
  /// A library has started kernels: nobody knows what they wait for.
  void note_foreign_launch();

  /// Byte of [data, data + bytes) from which on the range may be read early, or also written.
  size_t readable_from(const void* data, size_t bytes) const;
  size_t writable_from(const void* data, size_t bytes) const;

 private:
  struct Range {
    const std::byte *begin, *end;
    bool write;
  };
  /// Of one op, or of several that ran at the same time.
  struct Uses {
    std::vector<Range> ranges;
    bool launched = false, unknown = false;
  };
  void note_work(bool unknown);
  size_t free_from(const void* data, size_t bytes, bool for_writing) const;

  mutable std::mutex mutex_;
  int running_ = 0;  // ops
  Uses current_;     // of the ops that run
  Uses former_;      // of the last ops that had started a kernel
};

}  // namespace manul::cuda
