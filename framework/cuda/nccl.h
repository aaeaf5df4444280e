#pragma once

#include <memory>
#include <span>
#include <vector>

#include "manul/framework/tensor.h"

namespace manul::cuda {

/// Sums over the GPUs of several processes, by NCCL: one GPU a process. All processes make it, and call its
/// functions, in the same order. Part of a captured step like any kernel.
class Nccl {
 public:
  /// What all of them must know: made by one process and told to the others. Throws ErrorKind::device where
  /// NCCL cannot be loaded.
  static std::vector<uint8_t> new_id();
  static constexpr size_t id_bytes = 128;

  /// Waits for the others. Throws ErrorKind::device with NCCL's reason.
  Nccl(std::span<const uint8_t> id, int rank, int size, int device);
  ~Nccl();
  Nccl(const Nccl&) = delete;
  Nccl& operator=(const Nccl&) = delete;

  /// `values` (f32, f64, bf16 or i32) become their sums as soon as what was started so far has made them,
  /// beside what is started next.
  void begin_sum(const Tensor& values);
  /// What is started next comes after all sums.
  void finish_sums();
  /// Why sums cannot be done any more (another process has gone, say), as a sentence; empty: nothing is
  /// wrong. Sums that were begun may never end then. For any thread.
  std::string problem() const;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace manul::cuda
