#pragma once

#include <cstdint>
#include <memory>

#include "manul/framework/tensor.h"

namespace manul {

/// A ring of rows at fixed addresses of a device that the host fills while the device works: through it a
/// captured step reads data that does not fit on the device. Rows are numbered from 0; row k lies at place
/// k % rows(). On the CPU they are written in place. A GPU gets them from pinned host memory, by copies of
/// their own stream that wait only for the step which last read the same places.
class UploadRing {
 public:
  /// `target` u8 [rows, ...] on any device. Throws ErrorKind::device if there is no memory to pin.
  explicit UploadRing(const Tensor& target);
  ~UploadRing();
  UploadRing(const UploadRing&) = delete;
  UploadRing& operator=(const UploadRing&) = delete;

  int64_t rows() const { return target_.shape()[0]; }
  /// Host memory for row k, for any k; any thread may write there what reclaim() has given back.
  uint8_t* host_row(int64_t k) const { return host_ + k % rows() * row_bytes_; }

  /// Waits for the device and forgets all rows; the next upload begins anywhere.
  void restart();
  /// The end of the rows whose host memory may be written again, at least `wanted`; waits if that takes it.
  /// Rows before `used` are those of steps that were submitted before; wanted <= used.
  int64_t reclaim(int64_t used, int64_t wanted);
  /// Gives rows [first, end), written by now, to all work that is submitted to the device after this call;
  /// rows before `first` are those of steps that were submitted before. Does not wait. Not within a captured
  /// step.
  void upload(int64_t first, int64_t end);

 private:
  struct Staging;
  Tensor target_;
  int64_t row_bytes_;
  uint8_t* host_;
  std::unique_ptr<Staging> staging_;  // null on the CPU
};

}  // namespace manul
