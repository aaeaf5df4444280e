#include "manul/framework/cuda/accesses.h"

#include <algorithm>
#include <utility>

namespace manul::cuda {

void Accesses::begin_op() {
  std::lock_guard lock(mutex_);
  ++running_;
}

void Accesses::end_op() {
  std::lock_guard lock(mutex_);
  if (--running_ > 0) return;
  if (current_.launched) std::swap(former_, current_);
  current_.ranges.clear();
  current_.launched = current_.unknown = false;
}

void Accesses::note(const void* data, size_t bytes, bool write) {
  std::lock_guard lock(mutex_);
  if (running_ == 0) return;  // asked for by the host, or by a launch that counts as unknown
  const auto* begin = static_cast<const std::byte*>(data);
  current_.ranges.push_back({begin, begin + bytes, write});
}

void Accesses::note_launch() {
  note_work(false);
}
void Accesses::note_foreign_launch() {
  note_work(true);
}

void Accesses::note_work(bool unknown) {
  std::lock_guard lock(mutex_);
  Uses& uses = running_ > 0 ? current_ : former_;
  uses.launched = true;
  if (unknown || running_ == 0) uses.unknown = true;
}

size_t Accesses::readable_from(const void* data, size_t bytes) const {
  return free_from(data, bytes, false);
}
size_t Accesses::writable_from(const void* data, size_t bytes) const {
  return free_from(data, bytes, true);
}

size_t Accesses::free_from(const void* data, size_t bytes, bool for_writing) const {
  std::lock_guard lock(mutex_);
  // What an op before the last one has started is over once the last one's kernel has begun.
  const Uses& last = current_.launched ? current_ : former_;
  if (last.unknown) return bytes;
  const auto *begin = static_cast<const std::byte*>(data), *end = begin + bytes;
  size_t from = 0;
  for (const Range& range : last.ranges)
    if ((range.write || for_writing) && range.begin < end && range.end > begin)
      from = std::max(from, static_cast<size_t>(std::min(range.end, end) - begin));
  return from;
}

}  // namespace manul::cuda
