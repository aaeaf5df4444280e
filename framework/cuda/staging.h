#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

struct CUevent_st;
struct CUstream_st;

namespace manul::cuda {

class Context;

/// Pinned host memory, and copies out of it on the copy stream, for UploadRing: what is copied is rows with
/// numbers that grow. Destroyed in peace also after the GPU was lost.
class Staging {
 public:
  Staging(size_t bytes, int index);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  uint8_t* host() const { return host_; }

  /// Opens the copy of rows [first, ...). It waits on the GPU for the steps that read rows before
  /// `overwritten`; what was submitted to the compute stream by now has read all before `first`.
  void begin(int64_t first, int64_t overwritten);
  void copy(void* to, const void* from, size_t bytes);
  /// Closes it: what is submitted to the compute stream from now on waits for it.
  void end(int64_t rows_before);
  /// Waits on the host until all rows before `wanted` have left the pinned memory; returns how many have.
  int64_t wait_until_copied(int64_t wanted);
  /// Waits for both streams, and forgets all rows.
  void finish();

 private:
  struct Free {
    void operator()(CUevent_st* event) const;
  };
  /// Something that happens once the rows before `rows` have been read.
  struct Mark {
    int64_t rows;
    std::unique_ptr<CUevent_st, Free> event;
  };
  using Marks = std::deque<Mark>;
  static Mark mark(int64_t rows, CUstream_st* stream);

  const Context& context_;
  uint8_t* host_ = nullptr;
  Marks used_;    // by steps, as seen on the compute stream
  Marks copied_;  // as seen on the copy stream
  int64_t rows_copied_ = 0;
};

}  // namespace manul::cuda
