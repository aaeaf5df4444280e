#pragma once

#include "manul/framework/cpu/scratch.h"
#include "manul/ops/conv/conv2d_cpu.h"

// The input of a convolution, near the arithmetic and with its padding.
namespace manul::cpu {

/// Copies `count` rows of one picture [height, width, channels] from row `top` and column `left` on,
/// `columns` wide, into `to`; what lies outside the picture is zero. `pixel`: elements from one pixel of the
/// picture to the next, of which the first `channels` are taken.
template <class T>
void copy_padded(const T* picture, int64_t height, int64_t width, int64_t channels, int64_t pixel,
                 int64_t top, int64_t left, int64_t count, int64_t columns, T* to) {
  int64_t begin = std::clamp(-left, int64_t{0}, columns);
  int64_t end = std::clamp(width - left, begin, columns);
  for (int64_t y = top; y < top + count; ++y, to += columns * channels) {
    if (y < 0 || y >= height) {
      std::fill_n(to, columns * channels, T(0));
      continue;
    }
    std::fill_n(to, begin * channels, T(0));
    const T* from = picture + (y * width + left + begin) * pixel;
    if (pixel == channels)
      std::copy_n(from, (end - begin) * channels, to + begin * channels);
    else
      for (int64_t x = begin; x < end; ++x, from += pixel) std::copy_n(from, channels, to + x * channels);
    std::fill_n(to + end * channels, (columns - end) * channels, T(0));
  }
}

/// Where a correlation reads from and how its outputs lie over it.
template <class T>
struct Source {
  const T* x;  // [batch, height, width, channels]
  int64_t batch, height, width, channels;
  std::array<int64_t, 2> output, strides;
  int64_t elements() const { return batch * height * width * channels; }
  int64_t pixel = channels;  // elements from one pixel to the next: more where x is a part of the channels
};

/// Whether a window reaches over the border of small pictures: then much of what it sees is padding.
template <class T>
bool is_of_small_pictures(const Source<T>& source, std::span<const Tap> taps) {
  constexpr int64_t most_outputs = 256;
  auto beside = [&](int axis, int64_t tap, int64_t length) {
    return tap < 0 || (source.output[axis] - 1) * source.strides[axis] + tap >= length;
  };
  return source.output[0] * source.output[1] <= most_outputs && source.pixel == source.channels &&
         std::any_of(taps.begin(), taps.end(), [&](const Tap& tap) {
           return beside(0, tap.row, source.height) || beside(1, tap.column, source.width);
         });
}

/// The input of a correlation in blocks of output rows, or of whole pictures where these are small: in place,
/// or as a copy, where the window reaches over the border with zeros around it, where only some channels are
/// read of these alone. Small pictures are read in place by outputs that leave out the taps beside them.
template <class T>
class BlockedInput {
 public:
  /// `block_bytes`: about the size of a block's input. `margin`: elements behind a block's last window that
  /// may be read as well. `least_blocks`: for many threads to share a small batch. `leaves_out`: whether
  /// outputs may leave out taps beside the picture.
  BlockedInput(const Source<T>& source, std::vector<Tap> taps, int64_t block_bytes, int64_t margin,
               int64_t least_blocks, bool leaves_out)
      : source_(source), margin_(margin) {
    drop_padding(taps);
    std::array<int64_t, 2> low{0, 0}, high{0, 0};
    for (const Tap& tap : taps) {
      low = {std::min(low[0], tap.row), std::min(low[1], tap.column)};
      high = {std::max(high[0], tap.row), std::max(high[1], tap.column)};
    }
    const auto& [output, strides] = std::pair(source.output, source.strides);
    bool inside = low[0] == 0 && low[1] == 0 && (output[0] - 1) * strides[0] + high[0] < source.height &&
                  (output[1] - 1) * strides[1] + high[1] < source.width;
    leaves_out_ = leaves_out && is_of_small_pictures(source, std::span<const Tap>(taps));
    copied_ = !leaves_out_ && (source.pixel != source.channels || (!taps.empty() && !inside));
    if (leaves_out_) low = {0, 0};
    first_ = low;
    columns_ = copied_ ? (output[1] - 1) * strides[1] + high[1] - low[1] + 1 : source.width;
    reach_ = high[0] - low[0] + 1;
    for (Tap& tap : taps) {
      tap.row -= low[0];
      tap.column -= low[1];
    }
    runs = runs_of(taps, row_step(), source.channels);
    this->taps = std::move(taps);
    choose_block(block_bytes, least_blocks);
  }

  /// Whether it is never copied.
  bool is_in_place() const { return !copied_ && margin_ == 0; }
  /// Whether outputs leave out taps that lie beside the picture; then blocks are of whole pictures.
  bool leaves_out_padding() const { return leaves_out_; }

  struct Block {
    const T* x;                                  // the first window's first element
    int64_t picture, pictures, first_row, rows;  // several pictures only with all their rows
  };

  int64_t blocks() const { return (source_.batch + pictures_ - 1) / pictures_ * blocks_; }
  /// Elements from a row to the next, and in a block from a picture to the next.
  int64_t row_step() const { return columns_ * source_.channels; }
  int64_t picture_step() const {
    return (copied_ ? rows_of_input(source_.output[0]) : source_.height) * row_step();
  }
  /// Pictures and output rows of a block, at most.
  std::array<int64_t, 2> block_size() const { return {pictures_, rows_}; }
  int64_t block_outputs() const { return pictures_ * rows_ * source_.output[1]; }

  /// Block `index` where it lies; x is null if it has to be copied.
  Block in_place(int64_t index) const {
    const int64_t n = index / blocks_ * pictures_, row = index % blocks_ * rows_;
    Block block{nullptr, n, std::min(pictures_, source_.batch - n), row,
                std::min(rows_, source_.output[0] - row)};
    const T* begin = begin_of(block);
    if (!copied_ && begin + size_of(block) + margin_ <= source_.x + source_.batch * picture())
      block.x = begin;
    return block;
  }

  /// What block `index` reads where it lies; nothing if there is none or it has to be copied.
  std::span<const T> span_in_place(int64_t index) const {
    if (index >= blocks()) return {};
    const Block block = in_place(index);
    return block.x ? std::span(block.x, static_cast<size_t>(size_of(block))) : std::span<const T>();
  }

  /// Block `index`; `copy` is memory for it that the caller may use again for the next one.
  Block read(int64_t index, Scratch<T>& copy) const {
    Block block = in_place(index);
    if (block.x) return block;
    const int64_t size = size_of(block);
    T* own = copy.of(size + margin_);
    if (copied_)
      for (int64_t i = 0; i < block.pictures; ++i)
        copy_padded(source_.x + (block.picture + i) * picture(), source_.height, source_.width,
                    source_.channels, source_.pixel, top_of(block), first_[1], rows_of_input(block.rows),
                    columns_, own + i * picture_step());
    else
      std::copy_n(begin_of(block), size, own);
    std::fill_n(own + size, margin_, T(0));
    block.x = own;
    return block;
  }

  std::vector<Tap> taps;  // without those that only ever read padding
  std::vector<Run> runs;

 private:
  int64_t rows_of_input(int64_t outputs) const { return (outputs - 1) * source_.strides[0] + reach_; }
  int64_t picture() const { return source_.height * source_.width * source_.pixel; }
  int64_t top_of(const Block& block) const { return block.first_row * source_.strides[0] + first_[0]; }
  const T* begin_of(const Block& block) const {
    return source_.x + block.picture * picture() + top_of(block) * row_step();
  }
  int64_t size_of(const Block& block) const {
    if (leaves_out_) return block.pictures * picture_step();
    return (block.pictures - 1) * picture_step() + rows_of_input(block.rows) * row_step();
  }

  void drop_padding(std::vector<Tap>& taps) const {
    auto never = [](int64_t tap, int64_t output, int64_t stride, int64_t length) {
      return tap >= length || tap + (output - 1) * stride < 0;
    };
    std::erase_if(taps, [&](const Tap& tap) {
      return never(tap.row, source_.output[0], source_.strides[0], source_.height) ||
             never(tap.column, source_.output[1], source_.strides[1], source_.width);
    });
  }

  void choose_block(int64_t block_bytes, int64_t least_blocks) {
    constexpr int64_t least_outputs = 24;  // for tiles that fill the registers
    int64_t height = std::max<int64_t>(source_.output[0], 1);
    int64_t row_bytes = source_.strides[0] * row_step() * static_cast<int64_t>(sizeof(T));
    int64_t share = (source_.batch * height + least_blocks - 1) / least_blocks;
    int64_t width = std::max<int64_t>(source_.output[1], 1);
    int64_t of_block =
        std::max(block_bytes / std::max(row_bytes, int64_t{1}), (least_outputs - 1) / width + 1);
    int64_t rows = std::max(std::min(of_block, share), int64_t{1});
    rows_ = leaves_out_ ? height : std::min(rows, height);
    const int64_t pictures = std::max(std::min(rows / height, source_.batch), int64_t{1});
    const int64_t of_pictures = std::max((source_.batch + pictures - 1) / pictures, int64_t{1});
    pictures_ = std::max((source_.batch + of_pictures - 1) / of_pictures, int64_t{1});
    blocks_ = (height + rows_ - 1) / rows_;
  }

  Source<T> source_;
  int64_t margin_;
  bool copied_, leaves_out_;
  std::array<int64_t, 2> first_;      // where output (0, 0) begins to read
  int64_t columns_, reach_;           // columns of a block's input; rows that one output row reads
  int64_t pictures_, rows_, blocks_;  // pictures and output rows of a block, blocks of a picture
};

}  // namespace manul::cpu
