#include "manul/framework/cpu/eigen.h"
#include "manul/framework/elementary.h"
#include "manul/ops/conv/conv2d.h"
#include "manul/ops/conv/conv2d_outputs_cpu.h"
#include "manul/ops/conv/conv2d_scatter_cpu.h"
#include "manul/ops/conv/conv2d_transpose.h"
#include "manul/ops/conv/conv2d_winograd.h"
#include "manul/ops/fused/conv2d_activation.h"

namespace manul::cpu {
namespace {

constexpr int64_t block_bytes = 96 << 10;
constexpr int64_t most_transformed = 1 << 18;  // elements of a thread, in the second-level cache

/// The outputs of a window without taps: the bias.
template <class T>
void fill_with_bias(const Source<T>& source, int64_t filters, const T* bias, const Target<T>& target,
                    const FinishRange& finish) {
  const int64_t columns = source.output[1];
  for_rows(source.batch * source.output[0], columns * filters, [&](int64_t row) {
    const int64_t place =
        row / source.output[0] * target.picture_step + row % source.output[0] * target.row_step;
    for (int64_t column = 0; column < columns; ++column) {
      T* to = target.y + place + column * target.column_step;
      if (bias)
        std::copy_n(bias, filters, to);
      else
        std::fill_n(to, filters, T(0));
    }
    if (finish) finish({place, filters, columns, target.column_step});
  });
}

/// Where the weights are read by few outputs, and not kept: a thread packs some blocks of them, which stay in
/// its cache while all outputs of its filters are made, and never go to memory.
template <class T>
void correlate_fresh(const BlockedInput<T>& input, const WeightBlocks<T>& weights,
                     const BlockOutputs<T>& outputs, const Target<T>& target) {
  const int64_t at_once = weights.at_once();
  parallel_for(weights.count(), at_once, [&](int64_t begin, int64_t end) {
    Scratch<T> copy, memory;
    T* packed = memory.of(weights.elements(end) - weights.elements(begin));
    weights.pack(begin, end, packed);
    for (int64_t i = 0; i < input.blocks(); ++i) {
      const auto block = input.read(i, copy);
      T* place = target.y + block.picture * target.picture_step + block.first_row * target.row_step;
      for (int64_t j = begin; j < end; ++j) {
        const WeightBlock<T> some = weights.block(j, packed, begin);
        outputs.correlate(block, some, j + 1 == end, place + some.first);
      }
    }
  });
}

/// y[n, row, column, f] = bias[f] + the sum over taps and channels c of
/// x[n, row * stride + tap.row, column * stride + tap.column, c] * weights[tap.weight + c * channel_step + f
/// * filter_step], or on top of y if `add`, which wants no bias. `finish`, if there is one, for parts of y,
/// counted from target.y, while they are in the cache.
template <class T>
void correlate(const Source<T>& source, std::vector<Tap> taps, const Tensor& kernel, const T* weights,
               int64_t channel_step, int64_t filters, int64_t filter_step, const T* bias,
               const Target<T>& target, bool add = false, const FinishRange& finish = {}) {
  // Where pictures are few or small, threads share the filters too.
  constexpr int64_t least_tasks = 16, least_filters = 32, least_outputs = 56;
  const int64_t most_parts = std::clamp(filters / least_filters, int64_t{1}, least_tasks);
  constexpr int64_t few_outputs = 256;
  constexpr int64_t most_input = 1 << 18;      // elements, that stay in the second-level cache
  constexpr int64_t output_bytes = 128 << 10;  // still near when the activation follows
  constexpr int64_t element_bytes = sizeof(T);
  const int64_t input_of_output = source.strides[0] * source.strides[1] * source.channels * element_bytes;
  const int64_t most_outputs = std::max(output_bytes / (filters * element_bytes), least_outputs);
  const int64_t bytes =
      std::clamp(block_bytes, least_outputs * input_of_output, most_outputs * input_of_output);
  BlockedInput<T> input(source, std::move(taps), bytes, 0, least_tasks / most_parts, true);
  if (input.taps.empty()) {
    if (!add) fill_with_bias(source, filters, bias, target, finish);
    return;
  }
  const WeightLayout<T> layout{weights, input.taps, source.channels, channel_step, filters, filter_step};
  const BlockOutputs<T> outputs(input, source, target, add);
  const int64_t all_outputs = source.batch * source.output[0] * source.output[1];
  const bool few = all_outputs <= few_outputs &&
                   std::min(source.elements(), all_outputs * layout.elements()) <= most_input;
  if (few && !finish && !KeptWeights::any() && input.is_in_place())
    return correlate_fresh(input, WeightBlocks<T>(layout, bias), outputs, target);
  PackedWeights<T> packed(kernel, layout, bias);
  const int64_t parts =
      std::clamp(least_tasks / std::max(input.blocks(), int64_t{1}), int64_t{1}, most_parts);
  const auto weight_blocks = static_cast<int64_t>(packed.blocks().size());
  parallel_for(input.blocks() * parts, 1, [&](int64_t begin, int64_t end) {
    Scratch<T> copy;
    for (int64_t task = begin; task < end; ++task) {
      const int64_t part = task % parts;
      auto block = input.read(task / parts, copy);
      int64_t place = block.picture * target.picture_step + block.first_row * target.row_step;
      const auto next = part + 1 == parts ? input.span_in_place(task / parts + 1) : std::span<const T>();
      const int64_t first = weight_blocks * part / parts, last = weight_blocks * (part + 1) / parts - 1;
      for (int64_t i = first; i <= last; ++i) {
        const WeightBlock<T>& some = packed.blocks()[i];
        outputs.correlate(block, some, i == last, target.y + place + some.first, next);
      }
      if (!finish) continue;
      const WeightBlock<T>&begin_block = packed.blocks()[first], &end_block = packed.blocks()[last];
      const int64_t count = end_block.first + end_block.filters - begin_block.first;
      const int64_t columns = source.output[1], pixel = target.column_step;
      place += begin_block.first;
      for (int64_t n = 0; n < block.pictures; ++n, place += target.picture_step)
        if (target.row_step != columns * pixel)
          for (int64_t row = 0; row < block.rows; ++row)
            finish({place + row * target.row_step, count, columns, pixel});
        else if (count == pixel)
          finish({place, block.rows * target.row_step});
        else
          finish({place, count, block.rows * columns, pixel});
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
                          std::array<int64_t, 2> phase, bool add, const FinishRange& finish, T* dx) {
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
  const int64_t begin = phase[0] * row + phase[1] * g.channels + group * channels;
  Target<T> target{dx + begin, g.input[0] * row, g.strides[0] * row, g.strides[1] * g.channels};
  FinishRange of_phase;
  if (finish)
    of_phase = [&](const ElementRows& part) {
      finish({begin + part.first, part.count, part.rows, part.step});
    };
  correlate<T>(source, std::move(taps), kernel, kernel.data<T>() + group * filters * weights, weights,
               channels, 1, nullptr, target, add, of_phase);
}

/// On top of dx if `add`. False, and nothing is done, if another way is faster.
bool backward_input_by_phases(const Tensor& dy, const Tensor& kernel, const WindowGeometry& g, bool add,
                              const FinishRange& finish, const Tensor& dx) {
  if (is_for_winograd(g, kernel.shape()[0], dy.dtype())) return false;
  bool done = false;
  visit_float(dy.dtype(), "conv2d", [&]<class T>(T) {
    // Measured: where a vector of channels would be mostly empty, and the filters are enough for a product.
    if (4 * g.group_channels() <= lanes<T> && kernel.shape()[0] / g.groups >= lanes<T>) return;
    for (int64_t group = 0; group < g.groups; ++group)
      for (int64_t row = 0; row < std::min(g.strides[0], g.input[0]); ++row)
        for (int64_t column = 0; column < std::min(g.strides[1], g.input[1]); ++column)
          backward_input_phase(dy.data<T>(), kernel, g, group, {row, column}, add, finish,
                               dx.mutable_data<T>());
    done = true;
  });
  return done;
}

/// y += bias, for whole pixels or some channels of each.
FinishRange bias_range(const Tensor& bias, const Tensor& y) {
  FinishRange range;
  visit_float(y.dtype(), "conv2d_transpose", [&]<class T>(T) {
    range = [to = y.mutable_data<T>(), from = bias.data<T>(),
             channels = bias.elements()](const ElementRows& part) {
      for (int64_t row = 0; row < part.rows; ++row)
        for (int64_t done = 0; done < part.count; done += channels) {
          const int64_t first = part.first + row * part.step + done;
          map_range(
              std::min(part.count, channels), [](Vector<T> v, Vector<T> b) { return v + b; }, to + first,
              to + first, from + first % channels);
        }
    };
  });
  return range;
}

/// `finish`: of rows of all filters, so with one group alone.
void forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& geometry,
             const FinishRange& finish, const Tensor& y) {
  if (is_for_winograd(geometry, kernel.shape()[0], x.dtype()))
    return finished_by_winograd({&x, 1}, kernel, bias, geometry, most_transformed, finish, y);
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
                   {y.mutable_data<T>() + group * filters, g.output[0] * row, row, all_filters}, false,
                   finish);
  });
}

}  // namespace

void conv2d_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& geometry,
                    const Tensor& y) {
  forward(x, kernel, bias, geometry, {}, y);
}

void conv2d_activation_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                               const WindowGeometry& geometry, const Tensor& addend, Activation activation,
                               const Tensor& y) {
  if (geometry.groups > 1) {
    conv2d_forward(x, kernel, bias, geometry, y);
    return add_activation(addend, activation, y);
  }
  forward(x, kernel, bias, geometry, finish_range(addend, activation, y), y);
}

void conv2d_backward_input(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                           const Tensor& dx) {
  if (backward_input_by_phases(dy, kernel, geometry, false, {}, dx)) return;
  if (is_for_winograd(geometry, kernel.shape()[0], dy.dtype())) {
    input_gradient_by_winograd(dy, kernel, geometry, false, most_transformed, dx);
    return;
  }
  visit_float(dy.dtype(), "conv2d", [&]<class T>(T) {
    ScatteredInputGradient<T>(geometry, dy.data<T>(), kernel.data<T>(), kernel.shape()[0],
                              dx.mutable_data<T>())
        .run();
  });
}

void conv2d_transpose_with_bias(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                                const WindowGeometry& geometry, const Tensor& y) {
  const FinishRange add_bias = bias_range(bias, y);
  if (backward_input_by_phases(x, kernel, geometry, false, add_bias, y)) return;
  conv2d_backward_input(x, kernel, geometry, y);
  const int64_t pixels = y.elements() / std::max(bias.elements(), int64_t{1});
  parallel_rows(pixels, bias.elements(), [&](int64_t begin, int64_t end) {
    add_bias({begin * bias.elements(), (end - begin) * bias.elements()});
  });
}

void conv2d_add_backward_input(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                               const Tensor& dx) {
  if (backward_input_by_phases(dy, kernel, geometry, true, {}, dx)) return;
  if (is_for_winograd(geometry, kernel.shape()[0], dy.dtype())) {
    input_gradient_by_winograd(dy, kernel, geometry, true, most_transformed, dx);
    return;
  }
  Tensor own = Tensor::empty_like(dx);
  conv2d_backward_input(dy, kernel, geometry, own);
  accumulate(own, dx);
}

bool takes_concatenated(std::span<const Tensor> x, const WindowGeometry& geometry, int64_t filters) {
  return parts_are_for_winograd(x, geometry, filters);
}

void conv2d_concatenated_forward(std::span<const Tensor> x, const Tensor& kernel, const Tensor& bias,
                                 const WindowGeometry& geometry, const Tensor& y) {
  finished_by_winograd(x, kernel, bias, geometry, most_transformed, {}, y);
}

void conv2d_concatenated_backward_input(const Tensor& dy, const Tensor& kernel,
                                        const WindowGeometry& geometry, std::span<const ChannelGradient> dx) {
  input_gradients_by_winograd(dy, kernel, geometry, most_transformed, dx);
}

}  // namespace manul::cpu
