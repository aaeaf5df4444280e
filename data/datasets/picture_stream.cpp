#include "manul/data/datasets/picture_stream.h"

#include "manul/framework/error.h"

namespace manul {

PictureStream::PictureStream(const Tensor& ring, int workers, Load load)
    : ring_(ring), load_(std::move(load)), ahead_(workers) {}

std::vector<int32_t> PictureStream::begin_epoch(std::span<const int32_t> order, int32_t cached,
                                                int32_t first_row) {
  ahead_.stop();
  next_ = -1;
  samples_.clear();
  before_.assign(1, 0);
  std::vector<int32_t> rows;
  rows.reserve(order.size());
  for (int32_t sample : order) {
    if (sample < cached) {
      rows.push_back(sample);
    } else {
      rows.push_back(first_row + static_cast<int32_t>(static_cast<int64_t>(samples_.size()) % ring_.rows()));
      samples_.push_back(sample);
    }
    before_.push_back(static_cast<int64_t>(samples_.size()));
  }
  return rows;
}

void PictureStream::prepare(int64_t position, int64_t length) {
  int64_t first = before_[position], end = before_[position + length];
  if (end - first > ring_.rows())
    fail(ErrorKind::failed,
         "image data set: a batch has {} pictures that are not cached, but only {} are read ahead",
         end - first, ring_.rows());
  if (first != next_) {
    ahead_.stop();
    ring_.restart();
    ahead_.start(first, static_cast<int64_t>(samples_.size()), ring_.rows(),
                 [this](int64_t k) { load_(samples_[k], ring_.host_row(k)); });
  }
  ahead_.release(ring_.reclaim(first, end - ring_.rows()));
  ahead_.wait_for(end);
  ring_.upload(first, end);
  next_ = end;
}

}  // namespace manul
