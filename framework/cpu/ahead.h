#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace manul::cpu {

/// Memory that will be read soon, asked for line by line while something else is computed: many lines at once
/// would keep that waiting. For what lies apart, which no processor foresees. A hint: what does not fit in
/// the list is left to the processor, and a line may be asked for twice.
class Ahead {
 public:
  static constexpr int64_t line = 64;

  /// Some lines, `step` bytes apart from `next` to `last`.
  struct Lines {
    const char *next, *last;
    int64_t step;
    [[gnu::always_inline]] void ask() {
      __builtin_prefetch(next);
      // Not std::min: for AVX-512 GCC makes it of vectors that go through memory, and a tile waits for them.
      next += next == last ? 0 : step;
    }
  };

  /// Adds `rows` rows of `bytes` bytes, `step` bytes apart. They are asked for line by line: the first line
  /// of all rows, then the second.
  void add(const void* data, int64_t rows, int64_t bytes, int64_t step) {
    if (first_ == count_) first_ = count_ = 0;
    if (rows <= 0 || bytes <= 0 || count_ == most) return;
    if (bytes == step) {
      bytes *= rows;
      rows = 1;
    }
    const auto* first = static_cast<const char*>(data);
    if (rows == 1)
      blocks_[count_++] = {first, (bytes + line - 1) / line, 1, line};
    else
      blocks_[count_++] = {first, rows, (bytes + line - 1) / line, step};
  }

  /// Spreads what has been added over about `steps` steps.
  void spread(int64_t steps) {
    int64_t lines = 0;
    for (int i = first_; i < count_; ++i) lines += blocks_[i].rows * blocks_[i].columns;
    share_ = lines / steps + 1;
  }

  /// Asks for the lines of one step at once.
  void ask() {
    if (first_ == count_) return;
    Lines lines = take(share_);
    for (int64_t i = 0; i < share_; ++i) lines.ask();
  }

  /// Some of the next lines, at most `wanted` (at least 1) and one step's share: for a step that asks for
  /// them on its way.
  Lines take(int64_t wanted) {
    static const char nothing[line] = {};
    if (first_ == count_) return {nothing, nothing, 0};
    Block& block = blocks_[first_];
    const char* next = block.data + row_ * block.step;
    int64_t taken = std::min({wanted, share_, block.rows - row_});
    const char* last = next + (taken - 1) * block.step;
    row_ += taken;
    if (row_ == block.rows) {
      row_ = 0;
      block.data += line;
      if (--block.columns == 0) ++first_;
    }
    return {next, last, block.step};
  }

 private:
  static constexpr int most = 16;
  /// Column after column of lines.
  struct Block {
    const char* data;
    int64_t rows, columns, step;
  };
  std::array<Block, most> blocks_;
  int first_ = 0, count_ = 0;
  int64_t row_ = 0, share_ = 1;
};

}  // namespace manul::cpu
