#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "manul/framework/device.h"

namespace manul {

/// A block of device memory that goes back to its device's pool when the last handle on it is gone.
struct Storage {
  Storage(size_t bytes, Device device);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::byte* data = nullptr;
  size_t bytes;
  Device device;
  /// Whether anybody has asked to write to it (Tensor::mutable_data()) or for its address (Tensor::raw()).
  std::atomic<bool> touched{false};
  /// See Tensor::version().
  uint64_t version();

 private:
  bool guarded_;
  std::atomic<uint64_t> version_;
};

/// Bytes that tensors have on a device: now, and at most since the program began or reset_peak_memory() was
/// called. On a GPU with what captured steps keep for themselves.
struct MemoryUse {
  size_t current = 0, peak = 0;
};
MemoryUse memory_use(Device device);
void reset_peak_memory(Device device);

/// Copies between or within devices, in order with the kernels of both; returns when `to` may be read on the
/// host if `to` is on the CPU.
void copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes);

/// Sets `bytes` bytes to `value`, in order with the device's kernels.
void fill_bytes(void* to, Device device, unsigned char value, size_t bytes);

/// Waits until all work submitted to `device` is done. Does nothing on the CPU.
void synchronize(Device device);

/// While one is alive, new storage is filled with 0xFF (NaN in f32 and f64) and fenced on both sides; a write
/// over a fence throws when check() is called and is reported on stderr when the storage is released. For
/// tests.
class MemoryGuard {
 public:
  MemoryGuard();
  ~MemoryGuard();
  MemoryGuard(const MemoryGuard&) = delete;
  MemoryGuard& operator=(const MemoryGuard&) = delete;
  /// Throws if any fence of storage released so far was written over.
  static void check();
};

namespace cpu {
/// 64-byte aligned memory from a pool that keeps released blocks. Throws ErrorKind::failed when there is
/// none.
void* allocate(size_t bytes);
void release(void* data, size_t bytes);
/// Gives what the pool keeps back to the system, if that is more than 32 MiB.
void give_back_pool();
}  // namespace cpu

}  // namespace manul
