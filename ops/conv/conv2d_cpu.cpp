#include <map>

#include "manul/framework/elementary.h"
#include "manul/ops/conv/conv2d.h"
#include "manul/ops/conv/conv2d_input_cpu.h"
#include "manul/ops/conv/conv2d_row_cpu.h"
#include "manul/ops/conv/conv2d_scatter_cpu.h"
#include "manul/ops/conv/conv2d_winograd.h"
#include "manul/ops/fused/conv2d_activation.h"

namespace manul::cpu {
namespace {

constexpr int64_t block_bytes = 96 << 10;
constexpr int64_t most_transformed = 1 << 18;  // elements of a thread, in the second-level cache

/// Where a correlation writes: output (0, 0) of picture 0, and the steps to the neighbours.
template <class T>
struct Target {
  T* y;
  int64_t picture_step, row_step, column_step;
};

/// The outputs of a picture that read with the same taps.
struct OutputClass {
  std::vector<Run> runs;
  std::vector<OutputPlace> places;  // of a block's pictures, one after the other
  int64_t of_a_picture = 0;
};

/// Sorts the outputs of small pictures tap by tap: those for which it does not lie beside the picture.
template <class T>
std::vector<OutputClass> outputs_of_taps(const Source<T>& source, std::span<const Tap> taps, int64_t pictures,
                                         const Target<T>& target) {
  const int64_t pixel = source.channels, row_step = source.width * pixel;
  auto inside = [](int64_t tap, int64_t outputs, int64_t stride, int64_t length) {
    const int64_t begin = std::clamp((-tap + stride - 1) / stride, int64_t{0}, outputs);
    return std::pair(begin, std::clamp((length - tap + stride - 1) / stride, begin, outputs));
  };
  std::vector<OutputClass> classes;
  for (size_t i = 0; i < taps.size(); ++i) {
    const Tap& tap = taps[i];
    OutputClass one{
        {{tap.row * row_step + tap.column * pixel, pixel, tap.weight, static_cast<int64_t>(i) * pixel}},
        {},
        0};
    const auto rows = inside(tap.row, source.output[0], source.strides[0], source.height);
    const auto columns = inside(tap.column, source.output[1], source.strides[1], source.width);
    one.of_a_picture = (rows.second - rows.first) * (columns.second - columns.first);
    for (int64_t n = 0; n < pictures; ++n)
      for (int64_t row = rows.first; row < rows.second; ++row)
        for (int64_t column = columns.first; column < columns.second; ++column)
          one.places.push_back(
              {(n * source.height + row * source.strides[0]) * row_step + column * source.strides[1] * pixel,
               n * target.picture_step + row * target.row_step + column * target.column_step});
    classes.push_back(std::move(one));
  }
  return classes;
}

/// Rows (or columns) of a picture whose windows have the same taps on it: which ones, and which taps.
struct AxisClass {
  std::vector<bool> inside;  // by tap
  std::vector<int64_t> outputs;
};

std::vector<AxisClass> sort_axis(std::span<const Tap> taps, int64_t Tap::*axis, int64_t outputs,
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

/// The runs of those taps that lie on the picture in both directions.
template <class T>
std::vector<Run> runs_inside(const Source<T>& source, std::span<const Tap> taps, const AxisClass& rows,
                             const AxisClass& columns) {
  const int64_t pixel = source.channels, row_step = source.width * pixel;
  std::vector<Run> runs;
  for (size_t i = 0; i < taps.size(); ++i) {
    if (!rows.inside[i] || !columns.inside[i]) continue;
    const Run run{taps[i].row * row_step + taps[i].column * pixel, pixel, taps[i].weight,
                  static_cast<int64_t>(i) * pixel};
    Run* last = runs.empty() ? nullptr : &runs.back();
    if (last && last->offset + last->length == run.offset && last->packed + last->length == run.packed)
      last->length += pixel;
    else
      runs.push_back(run);
  }
  return runs;
}

/// Sorts the outputs of small pictures by the taps that do not lie beside the picture.
template <class T>
std::vector<OutputClass> sort_by_taps(const Source<T>& source, std::span<const Tap> taps, int64_t pictures,
                                      const Target<T>& target) {
  const int64_t pixel = source.channels, row_step = source.width * pixel;
  const std::vector<AxisClass> columns =
      sort_axis(taps, &Tap::column, source.output[1], source.strides[1], source.width);
  std::vector<OutputClass> classes;
  for (const AxisClass& rows : sort_axis(taps, &Tap::row, source.output[0], source.strides[0], source.height))
    for (const AxisClass& beside : columns) {
      OutputClass one{runs_inside(source, taps, rows, beside), {}, 0};
      one.of_a_picture = static_cast<int64_t>(rows.outputs.size() * beside.outputs.size());
      for (int64_t n = 0; n < pictures; ++n)
        for (int64_t row : rows.outputs)
          for (int64_t column : beside.outputs)
            one.places.push_back(
                {(n * source.height + row * source.strides[0]) * row_step +
                     column * source.strides[1] * pixel,
                 n * target.picture_step + row * target.row_step + column * target.column_step});
      classes.push_back(std::move(one));
    }
  return classes;
}

/// The outputs of a block, in tiles that a row may share with the next one where it is narrow. Where several
/// tiles read the same weights, these come from the nearest cache: all tiles do a chunk of them, and ask for
/// the next one meanwhile.
template <class T>
class BlockOutputs {
 public:
  BlockOutputs(const BlockedInput<T>& input, const Source<T>& source, const Target<T>& target)
      : right_(source.strides[1] * source.channels),
        down_(source.strides[0] * input.row_step()),
        columns_(source.output[1]),
        picture_step_(input.picture_step()),
        target_(target) {
    auto [pictures, rows] = input.block_size();
    rows_ = rows;
    const bool rows_follow = down_ == columns_ * right_ && target.row_step == columns_ * target.column_step;
    const bool pictures_follow =
        picture_step_ == rows * down_ && target.picture_step == rows * target.row_step;
    constexpr int64_t wide = 2 * most_columns, most_places = 1 << 10;
    constexpr int64_t long_run = 64,
                      few_outputs = 64;  // channels of a tap; outputs, many of them at a border
    if (input.leaves_out_padding()) {
      const std::span<const Tap> taps(input.taps);
      by_taps_ = source.channels >= long_run && rows * columns_ <= few_outputs;
      classes_ = by_taps_ ? outputs_of_taps(source, taps, pictures, target)
                          : sort_by_taps(source, taps, pictures, target);
    } else {
      classes_.push_back({input.runs, {}, rows_ * columns_});
      even_ = rows_follow && (pictures == 1 || pictures_follow);
      if (!even_ && columns_ < wide && pictures * rows * columns_ <= most_places) list_all(pictures);
    }
    tiles_ = std::max<int64_t>(pictures * rows * columns_ / most_columns, 1);
    cut(static_cast<int64_t>(input.taps.size()) * source.channels);
  }

  /// All of a block that begins at `y`, for one block of filters. `is_last`: no other one follows.
  void correlate(const typename BlockedInput<T>::Block& block, const WeightBlock<T>& weights, bool is_last,
                 T* y) const {
    const int64_t filters = weights.vectors * lanes<T>;
    if (by_taps_) begin_with_bias(block, weights, y);
    for (size_t chunk = 0; chunk < ends_.size(); ++chunk) {
      TileOptions options{.continues = by_taps_ || chunk > 0};
      if (!is_last || chunk + 1 < ends_.size()) {
        options.following = reinterpret_cast<const char*>(weights.weights + ends_[chunk] * filters);
        const int64_t lines = (ends_[chunk] - (chunk > 0 ? ends_[chunk - 1] : 0)) * filters *
                              static_cast<int64_t>(sizeof(T)) / Ahead::line;
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
    if (!one.places.empty())
      return correlate_outputs(block.pictures * one.of_a_picture * block.rows / rows_,
                               ListedOutputs<T>{block.x, y, one.places.data()}, runs, weights, options);
    auto row_of = [&](int64_t n, int64_t row, int64_t count) {
      correlate_outputs(
          count,
          EvenOutputs<T>{block.x + n * picture_step_ + row * down_,
                         y + n * target_.picture_step + row * target_.row_step, right_, target_.column_step},
          runs, weights, options);
    };
    if (even_) return row_of(0, 0, block.pictures * block.rows * columns_);
    for (int64_t n = 0; n < block.pictures; ++n)
      for (int64_t row = 0; row < block.rows; ++row) row_of(n, row, columns_);
  }

  int64_t right_, down_, columns_, picture_step_, rows_;
  Target<T> target_;
  bool even_ = false;     // one after the other through the whole block
  bool by_taps_ = false;  // an output is in the class of each of its taps
  std::vector<OutputClass> classes_;
  int64_t tiles_;                         // of a block, about
  std::vector<int64_t> ends_;             // of the chunks
  std::vector<std::vector<Run>> chunks_;  // of one class after the other
};

/// y[n, row, column, f] = bias[f] + the sum over taps and channels c of
/// x[n, row * stride + tap.row, column * stride + tap.column, c] * weights[tap.weight + c * channel_step + f
/// * filter_step]. `finish`, if there is one, for parts of y, which has no gaps, while they are in the cache.
template <class T>
void correlate(const Source<T>& source, std::vector<Tap> taps, const Tensor& kernel, const T* weights,
               int64_t channel_step, int64_t filters, int64_t filter_step, const T* bias,
               const Target<T>& target, const FinishRange& finish = {}) {
  // Where pictures are few or small, threads share the filters too.
  constexpr int64_t least_tasks = 16, least_filters = 32, least_outputs = 56;
  const int64_t most_parts = std::clamp(filters / least_filters, int64_t{1}, least_tasks);
  const int64_t least_bytes = least_outputs * source.strides[0] * source.strides[1] * source.channels *
                              static_cast<int64_t>(sizeof(T));
  BlockedInput<T> input(source, std::move(taps), std::max(block_bytes, least_bytes), 0,
                        least_tasks / most_parts, true);
  PackedWeights<T> packed(kernel, {weights, input.taps, source.channels, channel_step, filters, filter_step},
                          bias);
  const BlockOutputs<T> outputs(input, source, target);
  const int64_t parts =
      std::clamp(least_tasks / std::max(input.blocks(), int64_t{1}), int64_t{1}, most_parts);
  const auto weight_blocks = static_cast<int64_t>(packed.blocks().size());
  parallel_for(input.blocks() * parts, 1, [&](int64_t begin, int64_t end) {
    Scratch<T> copy;
    for (int64_t task = begin; task < end; ++task) {
      const int64_t part = task % parts;
      auto block = input.read(task / parts, copy);
      int64_t place = block.picture * target.picture_step + block.first_row * target.row_step;
      const int64_t first = weight_blocks * part / parts, last = weight_blocks * (part + 1) / parts - 1;
      for (int64_t i = first; i <= last; ++i) {
        const WeightBlock<T>& some = packed.blocks()[i];
        outputs.correlate(block, some, i == last, target.y + place + some.first);
      }
      if (!finish) continue;
      const WeightBlock<T>&begin_block = packed.blocks()[first], &end_block = packed.blocks()[last];
      const int64_t count = end_block.first + end_block.filters - begin_block.first;
      for (int64_t n = 0; n < block.pictures; ++n, place += target.picture_step)
        if (count == filters)
          finish({place, block.rows * target.row_step});
        else
          finish({place + begin_block.first, count, block.rows * source.output[1], target.column_step});
    }
  });
}

/// The taps of the input gradient for the input rows (or columns) phase, phase + stride, ...: input i reads
/// tap k from the output (i + pad - k * dilation) / stride where that is whole.
struct AxisTap {
  int64_t offset, tap;
};

std::vector<AxisTap> phase_taps(const WindowGeometry& g, int axis, int64_t phase) {
  std::vector<AxisTap> taps;
  for (int64_t k = g.size[axis] - 1; k >= 0; --k) {
    int64_t distance = phase + g.pad_before[axis] - k * g.dilation[axis];
    if (distance % g.strides[axis] == 0) taps.push_back({distance / g.strides[axis], k});
  }
  return taps;
}

/// The gradient of the inputs of one group and phase is a correlation of dy with every stride-th tap, the
/// other way round.
template <class T>
void backward_input_phase(const T* dy, const Tensor& kernel, const WindowGeometry& g, int64_t group,
                          std::array<int64_t, 2> phase, T* dx) {
  int64_t all_filters = kernel.shape()[0], filters = all_filters / g.groups, channels = g.group_channels();
  int64_t weights = g.size[0] * g.size[1] * channels;
  std::vector<Tap> taps;
  for (const AxisTap& y : phase_taps(g, 0, phase[0]))
    for (const AxisTap& x : phase_taps(g, 1, phase[1]))
      taps.push_back({y.offset, x.offset, (y.tap * g.size[1] + x.tap) * channels});
  Source<T> source{dy + group * filters, g.batch, g.output[0], g.output[1], filters, {}, {1, 1}, all_filters};
  for (int axis = 0; axis < 2; ++axis)
    source.output[axis] = (g.input[axis] - phase[axis] + g.strides[axis] - 1) / g.strides[axis];
  int64_t row = g.input[1] * g.channels;
  Target<T> target{dx + phase[0] * row + phase[1] * g.channels + group * channels, g.input[0] * row,
                   g.strides[0] * row, g.strides[1] * g.channels};
  correlate<T>(source, std::move(taps), kernel, kernel.data<T>() + group * filters * weights, weights,
               channels, 1, nullptr, target);
}

/// `finish`: of rows of all filters, so with one group alone.
void forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& geometry,
             const FinishRange& finish, const Tensor& y) {
  visit_float(x.dtype(), "conv2d", [&]<class T>(T) {
    const WindowGeometry& g = geometry;
    int64_t all_filters = kernel.shape()[0], row = g.output[1] * all_filters;
    int64_t filters = all_filters / g.groups, channels = g.group_channels();
    int64_t weights = g.size[0] * g.size[1] * channels;
    for (int64_t group = 0; group < g.groups; ++group)
      correlate<T>({x.data<T>() + group * channels, g.batch, g.input[0], g.input[1], channels, g.output,
                    g.strides, g.channels},
                   window_taps(g), kernel, kernel.data<T>() + group * filters * weights, 1, filters, weights,
                   bias.defined() ? bias.data<T>() + group * filters : nullptr,
                   {y.mutable_data<T>() + group * filters, g.output[0] * row, row, all_filters}, finish);
  });
}

}  // namespace

void conv2d_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& geometry,
                    const Tensor& y) {
  if (is_for_winograd(geometry, kernel.shape()[0], x.dtype())) {
    forward_by_winograd(x, kernel, bias, geometry, most_transformed, y);
    return;
  }
  forward(x, kernel, bias, geometry, {}, y);
}

void conv2d_activation_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                               const WindowGeometry& geometry, const Tensor& addend, Activation activation,
                               const Tensor& y) {
  if (geometry.groups > 1) {
    conv2d_forward(x, kernel, bias, geometry, y);
    return add_activation(addend, activation, y);
  }
  const FinishRange finish = finish_range(addend, activation, y);
  if (is_for_winograd(geometry, kernel.shape()[0], x.dtype()))
    finished_by_winograd(x, kernel, bias, geometry, most_transformed, finish, y);
  else
    forward(x, kernel, bias, geometry, finish, y);
}

void conv2d_backward_input(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                           const Tensor& dx) {
  if (is_for_winograd(geometry, kernel.shape()[0], dy.dtype())) {
    input_gradient_by_winograd(dy, kernel, geometry, false, most_transformed, dx);
    return;
  }
  visit_float(dy.dtype(), "conv2d", [&]<class T>(T) {
    // Measured: where a vector of channels would be mostly empty, and the filters are enough for a product.
    if (4 * geometry.group_channels() <= lanes<T> && kernel.shape()[0] / geometry.groups >= lanes<T>)
      return ScatteredInputGradient<T>(geometry, dy.data<T>(), kernel.data<T>(), kernel.shape()[0],
                                       dx.mutable_data<T>())
          .run();
    for (int64_t group = 0; group < geometry.groups; ++group)
      for (int64_t row = 0; row < std::min(geometry.strides[0], geometry.input[0]); ++row)
        for (int64_t column = 0; column < std::min(geometry.strides[1], geometry.input[1]); ++column)
          backward_input_phase(dy.data<T>(), kernel, geometry, group, {row, column}, dx.mutable_data<T>());
  });
}

void conv2d_add_backward_input(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                               const Tensor& dx) {
  if (is_for_winograd(geometry, kernel.shape()[0], dy.dtype())) {
    input_gradient_by_winograd(dy, kernel, geometry, true, most_transformed, dx);
    return;
  }
  Tensor own = Tensor::empty_like(dx);
  conv2d_backward_input(dy, kernel, geometry, own);
  accumulate(own, dx);
}

}  // namespace manul::cpu
