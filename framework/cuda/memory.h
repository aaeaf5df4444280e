#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "manul/framework/device.h"
#include "manul/framework/memory.h"
#include "manul/framework/memory_plan.h"

namespace manul::cuda {

/// Device memory, 512-byte aligned, from the pool of GPU `index`, or from the arena of the step being
/// captured by this thread. Blocks are reused in the order of the compute stream. Throws ErrorKind::device
/// with the bytes wanted and left when there are none.
void* allocate(size_t bytes, int index);
void release(void* data, size_t bytes, int index) noexcept;

/// While one lives, the lives of the large blocks that this thread takes from the pool of GPU `index` are
/// noted: a step that is captured afterwards will want blocks of the same sizes in the same order.
class MemoryTrace {
 public:
  explicit MemoryTrace(int index);
  ~MemoryTrace();
  MemoryTrace(const MemoryTrace&) = delete;
  MemoryTrace& operator=(const MemoryTrace&) = delete;

  MemoryPlan plan() const;

 private:
  friend void* allocate(size_t bytes, int index);
  friend void release(void* data, size_t bytes, int index) noexcept;
  void note(const void* data, size_t bytes, int index);
  void note_release(const void* data);

  int index_;
  MemoryTrace* outer_;
  int64_t events_ = 0;
  std::vector<BlockLife> lives_;
  std::map<const void*, size_t> living_;  // by place: which of lives_
};

/// True while this thread captures a step.
bool capturing();
/// Throws ErrorKind::device if it does; `what` must not be part of a captured step.
void refuse_while_capturing(const char* what);

/// See copy_bytes(), fill_bytes() and synchronize() of framework/memory.h. While a step is being captured,
/// copies from and to the host and waiting throw.
void copy(void* to, Device to_device, const void* from, Device from_device, size_t bytes);
void fill(void* to, unsigned char value, size_t bytes, int index);
void synchronize(int index);

/// Gives cached blocks that nobody uses back to the driver.
void trim(int index);

/// See memory_use() of framework/memory.h.
MemoryUse memory_use(int index);
void reset_peak_memory(int index);

/// Bytes of the GPU that are free for everyone, and in all.
struct MemoryInfo {
  size_t free, total;
};
MemoryInfo memory_info(int index);

}  // namespace manul::cuda
