#pragma once

#include <map>

#include "manul/ops/conv/conv2d_input_cpu.h"
#include "manul/ops/conv/conv2d_row_cpu.h"

// The outputs of a convolution in the order in which tiles take them. Included by conv2d_cpu.cpp only.
namespace manul::cpu {

/// Where a correlation writes: output (0, 0) of picture 0, and the steps to the neighbours.
template <class T>
struct Target {
  T* y;
  int64_t picture_step, row_step, column_step;
};

/// Outputs of a picture that read with the same taps.
struct OutputClass {
  std::vector<Run> runs;
  std::vector<OutputPlace> places = {};  // of a block's pictures, one after the other
  int64_t of_a_picture = 0;              // places
  int64_t beside = 1;                    // outputs that begin at each place, at equal steps
};

/// Rows with so many outputs are tiles of their own; those of narrower ones are listed, so that a tile takes
/// outputs of several rows.
inline constexpr int64_t least_beside = 2 * most_columns;

/// Adds the outputs of some rows and columns of each picture.
template <class T>
void add_places(const Source<T>& source, const Target<T>& target, int64_t pictures,
                std::span<const int64_t> rows, std::span<const int64_t> columns, OutputClass& one) {
  if (rows.empty() || columns.empty()) return;
  const int64_t pixel = source.channels, row_step = source.width * pixel;
  const auto count = static_cast<int64_t>(columns.size());
  const bool whole = count >= least_beside && columns.back() - columns.front() + 1 == count;
  if (whole) columns = columns.first(1);
  one.beside = whole ? count : 1;
  one.of_a_picture = static_cast<int64_t>(rows.size() * columns.size());
  for (int64_t n = 0; n < pictures; ++n)
    for (int64_t row : rows)
      for (int64_t column : columns)
        one.places.push_back(
            {(n * source.height + row * source.strides[0]) * row_step + column * source.strides[1] * pixel,
             n * target.picture_step + row * target.row_step + column * target.column_step});
}

/// Sorts the outputs of small pictures tap by tap: those for which it does not lie beside the picture.
template <class T>
std::vector<OutputClass> outputs_of_taps(const Source<T>& source, std::span<const Tap> taps, int64_t pictures,
                                         const Target<T>& target) {
  auto inside = [](int64_t tap, int64_t outputs, int64_t stride, int64_t length) {
    std::vector<int64_t> found;
    for (int64_t output = 0; output < outputs; ++output)
      if (output * stride + tap >= 0 && output * stride + tap < length) found.push_back(output);
    return found;
  };
  const int64_t pixel = source.channels;
  std::vector<OutputClass> classes;
  for (const Tap& tap : taps) {
    const int64_t packed = static_cast<int64_t>(classes.size()) * pixel;
    classes.push_back({{{(tap.row * source.width + tap.column) * pixel, pixel, tap.weight, packed}}});
    add_places<T>(source, target, pictures,
                  inside(tap.row, source.output[0], source.strides[0], source.height),
                  inside(tap.column, source.output[1], source.strides[1], source.width), classes.back());
  }
  return classes;
}

/// Rows (or columns) of a picture whose windows have the same taps on it: which ones, and which taps.
struct AxisClass {
  std::vector<bool> inside;  // by tap
  std::vector<int64_t> outputs;
};

inline std::vector<AxisClass> sort_axis(std::span<const Tap> taps, int64_t Tap::*axis, int64_t outputs,
                                        int64_t stride, int64_t length) {
  std::map<std::vector<bool>, std::vector<int64_t>> sorted;
  for (int64_t output = 0; output < outputs; ++output) {
    std::vector<bool> inside;
    for (const Tap& tap : taps) {
      const int64_t read = output * stride + tap.*axis;
      inside.push_back(read >= 0 && read < length);
    }
    sorted[std::move(inside)].push_back(output);
  }
  std::vector<AxisClass> classes;
  for (auto& [inside, of_class] : sorted) classes.push_back({inside, std::move(of_class)});
  return classes;
}

/// Sorts the outputs of small pictures by the taps that do not lie beside the picture.
template <class T>
std::vector<OutputClass> sort_by_taps(const Source<T>& source, std::span<const Tap> taps, int64_t pictures,
                                      const Target<T>& target) {
  const std::vector<AxisClass> columns =
      sort_axis(taps, &Tap::column, source.output[1], source.strides[1], source.width);
  std::vector<OutputClass> classes;
  for (const AxisClass& rows : sort_axis(taps, &Tap::row, source.output[0], source.strides[0], source.height))
    for (const AxisClass& beside : columns) {
      classes.push_back({runs_of(taps, source.width * source.channels, source.channels,
                                 [&](size_t tap) { return rows.inside[tap] && beside.inside[tap]; })});
      add_places<T>(source, target, pictures, rows.outputs, beside.outputs, classes.back());
    }
  return classes;
}

/// The outputs of a block, in tiles that a row may share with the next one where it is narrow. Where several
/// tiles read the same weights, these come from the nearest cache: all tiles do a chunk of them, and ask for
/// the next one meanwhile.
template <class T>
class BlockOutputs {
 public:
  /// `add`: on top of what the outputs have.
  BlockOutputs(const BlockedInput<T>& input, const Source<T>& source, const Target<T>& target, bool add)
      : right_(source.strides[1] * source.channels),
        down_(source.strides[0] * input.row_step()),
        columns_(source.output[1]),
        picture_step_(input.picture_step()),
        target_(target),
        add_(add) {
    auto [pictures, rows] = input.block_size();
    rows_ = rows;
    const bool rows_follow = down_ == columns_ * right_ && target.row_step == columns_ * target.column_step;
    const bool pictures_follow =
        picture_step_ == rows * down_ && target.picture_step == rows * target.row_step;
    constexpr int64_t most_places = 1 << 10;
    constexpr int64_t long_run = 64, few_outputs = 64;  // channels; outputs, many of them at a border
    if (input.leaves_out_padding()) {
      const std::span<const Tap> taps(input.taps);
      by_taps_ = source.channels >= long_run && rows * columns_ <= few_outputs;
      classes_ = by_taps_ ? outputs_of_taps(source, taps, pictures, target)
                          : sort_by_taps(source, taps, pictures, target);
      std::erase_if(classes_, [](const OutputClass& one) { return one.places.empty(); });
    } else {
      classes_.push_back({input.runs});
      even_ = rows_follow && (pictures == 1 || pictures_follow);
      if (!even_ && columns_ < least_beside && pictures * rows * columns_ <= most_places) list_all(pictures);
    }
    tiles_ = std::max<int64_t>(pictures * rows * columns_ / most_columns, 1);
    cut(static_cast<int64_t>(input.taps.size()) * source.channels);
  }

  /// All of a block that begins at `y`, for one block of filters. `is_last`: no other one follows, but maybe
  /// another block, `next` of the input.
  void correlate(const typename BlockedInput<T>::Block& block, const WeightBlock<T>& weights, bool is_last,
                 T* y, std::span<const T> next = {}) const {
    const int64_t filters = weights.vectors * lanes<T>;
    if (by_taps_ && !add_) begin_with_bias(block, weights, y);
    for (size_t chunk = 0; chunk < ends_.size(); ++chunk) {
      TileOptions options{.continues = add_ || by_taps_ || chunk > 0};
      if (!is_last || chunk + 1 < ends_.size()) {
        options.following = reinterpret_cast<const char*>(weights.weights + ends_[chunk] * filters);
        const int64_t lines = (ends_[chunk] - (chunk > 0 ? ends_[chunk - 1] : 0)) * filters *
                              static_cast<int64_t>(sizeof(T)) / Ahead::line;
        options.step = (lines + tiles_ - 1) / tiles_ * Ahead::line;
      } else if (!next.empty()) {
        const int64_t lines = static_cast<int64_t>(next.size_bytes()) / Ahead::line;
        options.following = reinterpret_cast<const char*>(next.data());
        options.step = (lines + tiles_ - 1) / tiles_ * Ahead::line;
      }
      for (size_t i = 0; i < classes_.size(); ++i)
        correlate_class(block, classes_[i], chunks_[i * ends_.size() + chunk], weights, options, y);
    }
  }

 private:
  void begin_with_bias(const typename BlockedInput<T>::Block& block, const WeightBlock<T>& weights,
                       T* y) const {
    for (int64_t n = 0; n < block.pictures; ++n)
      for (int64_t row = 0; row < block.rows; ++row)
        for (int64_t column = 0; column < columns_; ++column)
          std::copy_n(weights.bias, weights.filters,
                      y + n * target_.picture_step + row * target_.row_step + column * target_.column_step);
  }

  void list_all(int64_t pictures) {
    classes_[0].of_a_picture = rows_ * columns_;
    for (int64_t n = 0; n < pictures; ++n)
      for (int64_t row = 0; row < rows_; ++row)
        for (int64_t column = 0; column < columns_; ++column)
          classes_[0].places.push_back(
              {n * picture_step_ + row * down_ + column * right_,
               n * target_.picture_step + row * target_.row_step + column * target_.column_step});
  }

  /// Cuts the window, `elements` weights of a filter, into chunks.
  void cut(int64_t elements) {
    constexpr int64_t chunk_bytes = 16 << 10;
    constexpr int64_t element_bytes = block_vectors * vector_bytes;
    const int64_t chunks =
        tiles_ > 1 ? std::max<int64_t>((elements * element_bytes + chunk_bytes - 1) / chunk_bytes, 1) : 1;
    for (int64_t chunk = 1; chunk <= chunks; ++chunk) ends_.push_back(elements * chunk / chunks);
    for (const OutputClass& one : classes_)
      for (int64_t chunk = 0; chunk < chunks; ++chunk)
        chunks_.push_back(runs_within(one.runs, chunk > 0 ? ends_[chunk - 1] : 0, ends_[chunk]));
  }

  void correlate_class(const typename BlockedInput<T>::Block& block, const OutputClass& one,
                       std::span<const Run> runs, const WeightBlock<T>& weights, TileOptions& options,
                       T* y) const {
    if (runs.empty() && options.continues) return;
    auto beside = [&](int64_t count, const OutputPlace& place) {
      correlate_outputs(count, EvenOutputs<T>{block.x + place.x, y + place.y, right_, target_.column_step},
                        runs, weights, options);
    };
    const int64_t places = block.pictures * one.of_a_picture * block.rows / rows_;
    if (one.beside > 1)
      for (int64_t i = 0; i < places; ++i) beside(one.beside, one.places[i]);
    else if (!one.places.empty())
      correlate_outputs(places, ListedOutputs<T>{block.x, y, one.places.data()}, runs, weights, options);
    else if (even_)
      beside(block.pictures * block.rows * columns_, {});
    else
      for (int64_t n = 0; n < block.pictures; ++n)
        for (int64_t row = 0; row < block.rows; ++row)
          beside(columns_,
                 {n * picture_step_ + row * down_, n * target_.picture_step + row * target_.row_step});
  }

  int64_t right_, down_, columns_, picture_step_, rows_;
  Target<T> target_;
  bool add_;
  bool even_ = false;     // one after the other through the whole block
  bool by_taps_ = false;  // an output is in the class of each of its taps
  std::vector<OutputClass> classes_;
  int64_t tiles_;                         // of a block, about
  std::vector<int64_t> ends_;             // of the chunks
  std::vector<std::vector<Run>> chunks_;  // of one class after the other
};

}  // namespace manul::cpu
