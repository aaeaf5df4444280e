#include "manul/framework/memory.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "manul/framework/error.h"
#ifdef MANUL_WITH_CUDA
#include "manul/framework/cuda/memory.h"
#endif

namespace manul {
namespace {

constexpr size_t fence_bytes = 256;
constexpr unsigned char fence_value = 0xA5;
/// MANUL_MEMORY_GUARD in the environment guards a whole program.
std::atomic<int> live_guards{std::getenv("MANUL_MEMORY_GUARD") ? 1 : 0};
std::atomic<int> broken_fences{0};

/// Of the CPU's tensors.
std::atomic<size_t> bytes_in_use{0}, most_bytes_in_use{0};

void count_allocated(size_t bytes) {
  size_t now = bytes_in_use.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  size_t most = most_bytes_in_use.load(std::memory_order_relaxed);
  while (now > most && !most_bytes_in_use.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
  }
}

std::atomic<uint64_t> next_version{1};

void* allocate(size_t bytes, [[maybe_unused]] Device device) {
#ifdef MANUL_WITH_CUDA
  if (device.is_cuda()) return cuda::allocate(bytes, device.index);
#endif
  void* data = cpu::allocate(bytes);
  count_allocated(bytes);
  return data;
}

void release(void* data, size_t bytes, [[maybe_unused]] Device device) {
#ifdef MANUL_WITH_CUDA
  if (device.is_cuda()) return cuda::release(data, bytes, device.index);
#endif
  cpu::release(data, bytes);
  bytes_in_use.fetch_sub(bytes, std::memory_order_relaxed);
}

bool fence_intact(const std::byte* fence, Device device) {
#ifdef MANUL_WITH_CUDA
  if (device.is_cuda() && cuda::capturing()) return true;  // nothing has run yet, and nothing may be read
#endif
  std::array<unsigned char, fence_bytes> seen;
  copy_bytes(seen.data(), Device::cpu(), fence, device, fence_bytes);
  for (unsigned char value : seen)
    if (value != fence_value) return false;
  return true;
}

}  // namespace

Storage::Storage(size_t bytes, Device device)
    : bytes(bytes), device(device), guarded_(live_guards > 0), version_(next_version++) {
  size_t margin = guarded_ ? fence_bytes : 0;
  auto* block = static_cast<std::byte*>(allocate(bytes + 2 * margin, device));
  data = block + margin;
  if (guarded_) {
    fill_bytes(block, device, fence_value, margin);
    fill_bytes(data, device, 0xFF, bytes);
    fill_bytes(data + bytes, device, fence_value, margin);
  }
}

Storage::~Storage() {
  size_t margin = guarded_ ? fence_bytes : 0;
  if (guarded_ && !(fence_intact(data - margin, device) && fence_intact(data + bytes, device))) {
    ++broken_fences;
    std::fprintf(stderr, "memory: a kernel wrote outside a block of %zu bytes on %s\n", bytes,
                 device.name().c_str());
  }
  release(data - margin, bytes + 2 * margin, device);
}

uint64_t Storage::version() {
  if (touched.exchange(false)) version_ = next_version++;
  return version_;
}

MemoryUse memory_use([[maybe_unused]] Device device) {
#ifdef MANUL_WITH_CUDA
  if (device.is_cuda()) return cuda::memory_use(device.index);
#endif
  return {bytes_in_use, most_bytes_in_use};
}

void reset_peak_memory([[maybe_unused]] Device device) {
#ifdef MANUL_WITH_CUDA
  if (device.is_cuda()) return cuda::reset_peak_memory(device.index);
#endif
  most_bytes_in_use = bytes_in_use.load();
}

void copy_bytes(void* to, [[maybe_unused]] Device to_device, const void* from,
                [[maybe_unused]] Device from_device, size_t bytes) {
  if (bytes == 0) return;
#ifdef MANUL_WITH_CUDA
  if (to_device.is_cuda() || from_device.is_cuda())
    return cuda::copy(to, to_device, from, from_device, bytes);
#endif
  std::memmove(to, from, bytes);
}

void fill_bytes(void* to, [[maybe_unused]] Device device, unsigned char value, size_t bytes) {
  if (bytes == 0) return;
#ifdef MANUL_WITH_CUDA
  if (device.is_cuda()) return cuda::fill(to, value, bytes, device.index);
#endif
  std::memset(to, value, bytes);
}

void synchronize([[maybe_unused]] Device device) {
#ifdef MANUL_WITH_CUDA
  if (device.is_cuda()) cuda::synchronize(device.index);
#endif
}

MemoryGuard::MemoryGuard() {
  ++live_guards;
}
MemoryGuard::~MemoryGuard() {
  --live_guards;
}

void MemoryGuard::check() {
  if (int broken = broken_fences.exchange(0))
    fail(ErrorKind::failed, "memory: kernels wrote outside of {} blocks", broken);
}

}  // namespace manul
