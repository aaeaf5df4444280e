#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace manul::cpu {

/// Sets how many threads parallel_for uses (at least 1); 0 means one per core. The pool starts with the first
/// parallel_for that has work for two, so a program that never needs it never pays for it.
void set_threads(int threads);
int threads();

namespace detail {
using PartFunction = void (*)(void* body, int64_t part);
void run_parts(int64_t parts, PartFunction function, void* body);
}  // namespace detail

/// Calls body(begin, end) for the ranges [0, grain), [grain, 2 * grain), ... of [0, count). The ranges depend
/// on `grain` alone, never on the number of threads: what body computes for a range must, too. A thread takes
/// about the same ranges in each call with the same count, so data stays in its cache. Exceptions of body
/// reach the caller. A call from inside a body, or while another thread's call has the pool, runs on the
/// calling thread alone.
template <class Body>
void parallel_for(int64_t count, int64_t grain, Body&& body) {
  if (count <= 0) return;
  int64_t parts = (count + grain - 1) / grain;
  auto part = [&](int64_t k) { body(k * grain, k + 1 == parts ? count : (k + 1) * grain); };
  using Part = decltype(part);
  detail::run_parts(
      parts, [](void* erased, int64_t k) { (*static_cast<Part*>(erased))(k); }, std::addressof(part));
}

/// Elements that are worth a part of their own, where little is done with each.
inline constexpr int64_t elements_a_part = 1 << 14;

/// parallel_for for `rows` rows of `length` elements: body(first row, end).
template <class Body>
void parallel_rows(int64_t rows, int64_t length, Body&& body) {
  parallel_for(rows, std::max<int64_t>(elements_a_part / std::max<int64_t>(length, 1), 1), body);
}

/// The same, row by row: body(row).
template <class Body>
void for_rows(int64_t rows, int64_t length, const Body& body) {
  parallel_rows(rows, length, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) body(row);
  });
}

}  // namespace manul::cpu
