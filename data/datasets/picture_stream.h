#pragma once

#include <span>

#include "manul/data/datasets/read_ahead.h"
#include "manul/framework/upload_ring.h"

namespace manul {

/// The pictures that do not fit a cache, decoded again in every epoch, in its order and some way ahead of the
/// steps, into a ring of rows on the device. Steps find their pictures by a table of rows, so that they may
/// be captured, and see the same bytes whatever fits the cache.
class PictureStream {
 public:
  /// Decodes one sample's picture into a row; called by several threads.
  using Load = std::function<void(int32_t sample, uint8_t* to)>;

  /// `ring` u8 [rows, height, width, channels] on the device; `workers` threads decode, 0: one a core.
  PictureStream(const Tensor& ring, int workers, Load load);

  /// Lays down an epoch's order, in which samples from `cached` on are streamed. Returns the row of each
  /// position: for a cached sample its number, otherwise `first_row` + its place in the ring.
  std::vector<int32_t> begin_epoch(std::span<const int32_t> order, int32_t cached, int32_t first_row);

  /// Makes the pictures of `length` samples at `position` ready for the step that is submitted next. Batches
  /// that follow one another find theirs decoded. Throws what `load` has thrown for one of them, and if the
  /// batch needs more rows than there are.
  void prepare(int64_t position, int64_t length);

 private:
  UploadRing ring_;
  Load load_;
  std::vector<int32_t> samples_;  // that are streamed, in the epoch's order: number k goes to row k
  std::vector<int64_t> before_;   // how many of them are before each position
  int64_t next_ = -1;             // the first that is not prepared yet; -1: nothing has begun
  ReadAhead ahead_;               // the last member: its threads use the others
};

}  // namespace manul
