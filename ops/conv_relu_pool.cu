#include "ops/conv_relu_pool.h"

#include <algorithm>

#include "framework/cuda/column_sums.h"
#include "framework/cuda/launch.h"

namespace manul::cuda {
namespace {

constexpr uint8_t cut = 4;  // the code of a window that relu cut to zero

/// Where everything lies, as the kernels need it.
struct Geometry {
  int64_t batch, height, width;  // of the input
  int channels, kernel_height, kernel_width, stride_y, stride_x;
  int64_t pooled_height, pooled_width, filters;
  int rows_a_stage = 1;  // rows of pooled pixels whose input a block has in shared memory at a time

  __host__ __device__ int run() const { return kernel_width * channels; }
  __host__ __device__ int taps() const { return kernel_height * run(); }
  __host__ __device__ int64_t row_length() const { return width * channels; }
  /// In shared memory rows lie further apart than a multiple of its 32 banks, so that lanes whose winners are
  /// in different rows do not meet in one.
  __host__ __device__ int64_t shared_row_length() const { return row_length() + 8; }
  /// The first element under position `code` of the pooling window at column px, counted from the input row
  /// of that pooled row's beginning.
  __device__ int64_t offset(int64_t px, int code, int64_t row_length) const {
    return code / 2 * stride_y * row_length + (2 * px + code % 2) * stride_x * channels;
  }
  /// Stages of all pictures; a stage does not go over the end of a picture.
  __host__ __device__ int64_t stages_a_picture() const {
    return (pooled_height + rows_a_stage - 1) / rows_a_stage;
  }
  __host__ __device__ int64_t stages() const { return batch * stages_a_picture(); }
  /// The first pooled row (of batch * pooled height) of a stage, and how many it has.
  __device__ int64_t stage_row(int64_t stage) const {
    return stage / stages_a_picture() * pooled_height + stage % stages_a_picture() * rows_a_stage;
  }
  __device__ int stage_rows(int64_t stage) const {
    return static_cast<int>(
        min(pooled_height - stage % stages_a_picture() * rows_a_stage, int64_t{rows_a_stage}));
  }
  /// Input rows under `rows` rows of pooled pixels.
  __host__ __device__ int rows_below(int rows) const {
    return (rows - 1) * 2 * stride_y + stride_y + kernel_height;
  }
  /// Element 0 of the input rows under pooled row `row` (of batch * pooled height).
  __device__ int64_t first(int64_t row) const {
    return (row / pooled_height * height + row % pooled_height * 2 * stride_y) * row_length();
  }
};

Geometry geometry_of(const WindowGeometry& g, int64_t filters) {
  return {g.batch,
          g.input[0],
          g.input[1],
          static_cast<int>(g.channels),
          static_cast<int>(g.size[0]),
          static_cast<int>(g.size[1]),
          static_cast<int>(g.strides[0]),
          static_cast<int>(g.strides[1]),
          g.output[0] / 2,
          g.output[1] / 2,
          filters};
}

// Kernels for any shape, and for f64.

template <class T>
struct Forward {
  const T *x, *kernel, *bias;
  Geometry g;
  T* pooled;
  uint8_t* winner;
  __device__ void operator()(int64_t i) const {
    int64_t f = i % g.filters, pixel = i / g.filters, px = pixel % g.pooled_width;
    const T* rows = x + g.first(pixel / g.pooled_width);
    const T* weight = kernel + f * g.taps();
    T best = 0;
    uint8_t code = cut;
    for (int q = 0; q < 4; ++q) {
      const T* window = rows + g.offset(px, q, g.row_length());
      T sum = bias ? bias[f] : T(0);
      for (int ky = 0; ky < g.kernel_height; ++ky)
        for (int k = 0; k < g.run(); ++k) sum += window[ky * g.row_length() + k] * weight[ky * g.run() + k];
      if (sum > best) {
        best = sum;
        code = static_cast<uint8_t>(q);
      }
    }
    pooled[i] = best;
    winner[i] = code;
  }
};

/// The gradient times the input under one tap of the winner: a pooled pixel a row, an element of the kernel a
/// column.
template <class T>
struct KernelGradientTerm {
  const T *x, *dpooled;
  const uint8_t* winner;
  Geometry g;
  __device__ double operator()(int64_t pixel, int64_t column) const {
    int64_t f = column / g.taps(), tap = column % g.taps();
    uint8_t code = winner[pixel * g.filters + f];
    if (code == cut) return 0;
    int64_t at = g.first(pixel / g.pooled_width) + g.offset(pixel % g.pooled_width, code, g.row_length()) +
                 tap / g.run() * g.row_length() + tap % g.run();
    return static_cast<double>(dpooled[pixel * g.filters + f] * x[at]);
  }
};

template <class T>
struct BiasGradientTerm {
  const T* dpooled;
  const uint8_t* winner;
  int64_t filters;
  __device__ double operator()(int64_t pixel, int64_t f) const {
    int64_t i = pixel * filters + f;
    return winner[i] == cut ? 0.0 : static_cast<double>(dpooled[i]);
  }
};

/// An input element gathers from the convolution outputs that cover it and won their window.
template <class T>
struct BackwardInput {
  const uint8_t* winner;
  const T *dpooled, *kernel;
  Geometry g;
  T* dx;
  __device__ void operator()(int64_t i) const {
    int64_t c = i % g.channels, pixel = i / g.channels;
    int64_t ix = pixel % g.width, iy = pixel / g.width % g.height, n = pixel / (g.width * g.height);
    T sum = 0;
    for (int ky = 0; ky < g.kernel_height; ++ky) {
      int64_t oy = iy - ky;
      if (oy < 0 || oy % g.stride_y != 0 || (oy /= g.stride_y) >= 2 * g.pooled_height) continue;
      for (int kx = 0; kx < g.kernel_width; ++kx) {
        int64_t ox = ix - kx;
        if (ox < 0 || ox % g.stride_x != 0 || (ox /= g.stride_x) >= 2 * g.pooled_width) continue;
        sum += from_output(n, oy, ox, ky * g.run() + kx * g.channels + c);
      }
    }
    dx[i] = sum;
  }
  __device__ T from_output(int64_t n, int64_t oy, int64_t ox, int64_t tap) const {
    int64_t first = ((n * g.pooled_height + oy / 2) * g.pooled_width + ox / 2) * g.filters;
    int code = static_cast<int>(oy % 2 * 2 + ox % 2);
    T sum = 0;
    for (int64_t f = 0; f < g.filters; ++f)
      if (winner[first + f] == code) sum += dpooled[first + f] * kernel[f * g.taps() + tap];
    return sum;
  }
};

// Kernels for f32 with the window known when they are compiled. A block has the input rows under one row of
// pooled pixels in shared memory; the weights, or their gradients, stay in registers.

template <int kernel_, int channels_, int stride_>
struct Window {
  static constexpr int kernel = kernel_, channels = channels_, stride = stride_;
  static constexpr int run = kernel * channels, taps = kernel * run;
  /// The patch under one pooled pixel.
  static constexpr int patch_rows = stride + kernel, patch_run = (stride + kernel) * channels;
};

/// Filters of one block: two a lane, 16 lanes a pooled pixel.
constexpr int filters_a_block = 32;
constexpr int lanes_a_pixel = filters_a_block / 2;

/// The input rows under `rows` rows of pooled pixels; their length is a multiple of four.
__device__ void copy_to_shared(const float* from, const Geometry& g, int rows, float* to) {
  auto* from4 = reinterpret_cast<const float4*>(from);
  auto* to4 = reinterpret_cast<float4*>(to);
  int length = static_cast<int>(g.row_length() / 4), pitch = static_cast<int>(g.shared_row_length() / 4);
  for (int i = threadIdx.x; i < g.rows_below(rows) * length; i += blockDim.x)
    to4[i / length * pitch + i % length] = from4[i];
}

/// The four convolution outputs of a pooled pixel for two filters, from its patch and the weights [tap][two].
template <class Window>
__device__ void convolve_patch(const float* patch, int64_t row_length, const float2* weight,
                               float2 (&sum)[4]) {
#pragma unroll
  for (int r = 0; r < Window::patch_rows; ++r) {
    float line[Window::patch_run + Window::patch_run % 2];
    auto* pairs = reinterpret_cast<const float2*>(patch + r * row_length);
#pragma unroll
    for (int i = 0; i < (Window::patch_run + 1) / 2; ++i) {
      float2 pair = pairs[i];
      line[2 * i] = pair.x;
      line[2 * i + 1] = pair.y;
    }
#pragma unroll
    for (int oy = 0; oy < 2; ++oy) {
      int ky = r - oy * Window::stride;
      if (ky < 0 || ky >= Window::kernel) continue;
#pragma unroll
      for (int ox = 0; ox < 2; ++ox)
#pragma unroll
        for (int k = 0; k < Window::run; ++k) {
          float value = line[ox * Window::stride * Window::channels + k];
          float2 w = weight[ky * Window::run + k];
          sum[oy * 2 + ox].x = fmaf(value, w.x, sum[oy * 2 + ox].x);
          sum[oy * 2 + ox].y = fmaf(value, w.y, sum[oy * 2 + ox].y);
        }
    }
  }
}

struct Winner {
  float value = 0;
  uint8_t code = cut;
  __device__ void meet(float other, int position) {
    if (other > value) {
      value = other;
      code = static_cast<uint8_t>(position);
    }
  }
};

/// Block (x: pooled rows, y: 32 filters).
template <class Window>
__global__ void __launch_bounds__(256) forward_window(const float* x, const float* kernel, const float* bias,
                                                      Geometry g, float* pooled, uint8_t* winner) {
  begin_kernel();
  __shared__ float weights[Window::taps][filters_a_block + 2];
  float* rows = dynamic_shared<float>();
  int first_filter = blockIdx.y * filters_a_block;
  for (int i = threadIdx.x; i < filters_a_block * Window::taps; i += blockDim.x) {
    int f = i / Window::taps;
    weights[i % Window::taps][f] =
        first_filter + f < g.filters ? kernel[first_filter * Window::taps + i] : 0.0f;
  }
  int lane = threadIdx.x % lanes_a_pixel, filter = first_filter + 2 * lane;
  bool inside = filter < g.filters;
  float2 offset{0, 0};
  if (bias && inside) offset = {bias[filter], bias[filter + 1]};
  __syncthreads();
  float2 weight[Window::taps];
#pragma unroll
  for (int t = 0; t < Window::taps; ++t) weight[t] = {weights[t][2 * lane], weights[t][2 * lane + 1]};
  int width = static_cast<int>(g.pooled_width);
  for (int64_t stage = blockIdx.x; stage < g.stages(); stage += gridDim.x) {
    int64_t row = g.stage_row(stage);
    int stage_rows = g.stage_rows(stage);
    __syncthreads();
    copy_to_shared(x + g.first(row), g, stage_rows, rows);
    __syncthreads();
    for (int pixel = threadIdx.x / lanes_a_pixel; pixel < stage_rows * width;
         pixel += blockDim.x / lanes_a_pixel) {
      int py = pixel / width, px = pixel % width;
      float2 sum[4] = {offset, offset, offset, offset};
      const float* patch = rows + 2 * Window::stride * (py * g.shared_row_length() + px * Window::channels);
      convolve_patch<Window>(patch, g.shared_row_length(), weight, sum);
      Winner first, second;
#pragma unroll
      for (int q = 0; q < 4; ++q) {
        first.meet(sum[q].x, q);
        second.meet(sum[q].y, q);
      }
      if (!inside) continue;
      int64_t to = (row * width + pixel) * g.filters + filter;
      *reinterpret_cast<float2*>(pooled + to) = {first.value, second.value};
      *reinterpret_cast<uchar2*>(winner + to) = {first.code, second.code};
    }
  }
}

constexpr int backward_threads = 256, backward_warps = backward_threads / 32;

/// Each block adds the gradients of its pooled rows to sums of its own: partial [block][filters][taps + 1],
/// the bias last. A lane a filter, a warp a pooled pixel.
template <class Window>
__global__ void __launch_bounds__(backward_threads)
    backward_window(const float* x, const uint8_t* winner, const float* dpooled, Geometry g, float* partial) {
  begin_kernel();
  constexpr int sums = Window::taps + 1;
  __shared__ float shared[backward_warps][32];
  float* rows = dynamic_shared<float>();
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int64_t filter = int64_t{blockIdx.y} * 32 + lane;
  bool inside = filter < g.filters;
  float sum[sums];
#pragma unroll
  for (float& value : sum) value = 0;
  int width = static_cast<int>(g.pooled_width);
  for (int64_t stage = blockIdx.x; stage < g.stages(); stage += gridDim.x) {
    int64_t row = g.stage_row(stage);
    int stage_rows = g.stage_rows(stage);
    __syncthreads();
    copy_to_shared(x + g.first(row), g, stage_rows, rows);
    __syncthreads();
    for (int pixel = warp; pixel < stage_rows * width; pixel += backward_warps) {
      int py = pixel / width, px = pixel % width;
      int64_t from = (row * width + pixel) * g.filters + filter;
      uint8_t code = inside ? winner[from] : cut;
      float gradient = code == cut ? 0.0f : dpooled[from];
      const float* window = rows + 2 * py * g.stride_y * g.shared_row_length() +
                            g.offset(px, code == cut ? 0 : code, g.shared_row_length());
#pragma unroll
      for (int ky = 0; ky < Window::kernel; ++ky)
#pragma unroll
        for (int k = 0; k < Window::run; ++k)
          sum[ky * Window::run + k] =
              fmaf(gradient, window[ky * g.shared_row_length() + k], sum[ky * Window::run + k]);
      sum[Window::taps] += gradient;
    }
  }
#pragma unroll
  for (int s = 0; s < sums; ++s) {
    __syncthreads();
    shared[warp][lane] = sum[s];
    __syncthreads();
    if (warp == 0 && inside) {
      float total = 0;
      for (int other = 0; other < backward_warps; ++other) total += shared[other][lane];
      partial[(blockIdx.x * g.filters + filter) * sums + s] = total;
    }
  }
}

/// Writes the sums of backward_window, [filters][taps + 1], to where they belong.
struct StoreGradients {
  int64_t taps;
  float *dkernel, *dbias;
  __device__ void operator()(int64_t column, double sum) const {
    int64_t f = column / (taps + 1), s = column % (taps + 1);
    if (s == taps) {
      if (dbias) dbias[f] = static_cast<float>(sum);
    } else if (dkernel) {
      dkernel[f * taps + s] = static_cast<float>(sum);
    }
  }
};

bool fits_windows(const Tensor& x, const Geometry& g) {
  return x.dtype() == DType::f32 && g.kernel_height == g.kernel_width && g.stride_y == g.stride_x &&
         g.row_length() % 4 == 0 && reinterpret_cast<uintptr_t>(x.raw()) % 16 == 0 && g.filters % 2 == 0 &&
         static_cast<int64_t>(g.rows_below(1) * g.shared_row_length() * sizeof(float)) <=
             most_shared_bytes - 8192;
}

/// Calls use(Window{}) if a kernel was compiled for the window of `g`.
template <class Use>
bool with_window(const Geometry& g, const Use& use) {
  bool three_colours = g.kernel_height == 3 && g.channels == 3,
       grey = g.kernel_height == 3 && g.channels == 1;
  if (three_colours && g.stride_y == 1) return use(Window<3, 3, 1>{}), true;
  if (three_colours && g.stride_y == 2) return use(Window<3, 3, 2>{}), true;
  if (three_colours && g.stride_y == 3) return use(Window<3, 3, 3>{}), true;
  if (grey && g.stride_y == 1) return use(Window<3, 1, 1>{}), true;
  return false;
}

size_t stage_bytes(const Geometry& g) {
  return g.rows_below(g.rows_a_stage) * g.shared_row_length() * sizeof(float);
}

/// Several rows at a time, so that a block waits less often, where that leaves stages for all
/// multiprocessors.
void choose_stages(Geometry& g, const Context& context) {
  constexpr size_t most_bytes = 12 << 10;
  g.rows_a_stage = 4;
  while (g.rows_a_stage > 1 && (stage_bytes(g) > most_bytes || g.stages() < 8 * context.multiprocessors()))
    g.rows_a_stage /= 2;
}

}  // namespace

void conv_relu_pool_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias,
                            const WindowGeometry& conv, const Tensor& pooled, const Tensor& winner) {
  const Context& context = context_of(x);
  Geometry g = geometry_of(conv, kernel.shape()[0]);
  if (pooled.elements() == 0) return;
  bool done = fits_windows(x, g) && with_window(g, [&](auto window) {
                choose_stages(g, context);
                dim3 grid(std::min<int64_t>(g.stages(), 16 * context.multiprocessors()),
                          blocks_for(g.filters, filters_a_block));
                int threads = static_cast<int>(std::clamp<int64_t>(
                    (g.rows_a_stage * g.pooled_width * lanes_a_pixel + 31) / 32 * 32, 64, 256));
                launch_with_shared(context, forward_window<decltype(window)>, grid, threads, stage_bytes(g),
                                   x.data<float>(), kernel.data<float>(), data_or_null<float>(bias), g,
                                   pooled.mutable_data<float>(), winner.mutable_data<uint8_t>());
              });
  if (done) return;
  visit_float(x.dtype(), "conv_relu_pool", [&](auto zero) {
    using T = decltype(zero);
    for_each(context, pooled.elements(),
             Forward<T>{x.data<T>(), kernel.data<T>(), data_or_null<T>(bias), g, pooled.mutable_data<T>(),
                        winner.mutable_data<uint8_t>()});
  });
}

void conv_relu_pool_backward(const Tensor& x, const Tensor& winner, const Tensor& dpooled,
                             const WindowGeometry& conv, const Tensor& dkernel, const Tensor& dbias) {
  const Context& context = context_of(x);
  Geometry g = geometry_of(conv, dpooled.shape()[3]);
  bool done =
      dpooled.elements() > 0 && fits_windows(x, g) && with_window(g, [&](auto window) {
        choose_stages(g, context);
        int64_t sums = g.taps() + 1;
        dim3 grid(std::min<int64_t>(g.stages(), 4 * context.multiprocessors()), blocks_for(g.filters, 32));
        Tensor partial = Tensor::empty({grid.x, g.filters, sums}, DType::f32, x.device());
        launch_with_shared(context, backward_window<decltype(window)>, grid, backward_threads, stage_bytes(g),
                           x.data<float>(), winner.data<uint8_t>(), dpooled.data<float>(), g,
                           partial.mutable_data<float>());
        column_sums<double>(x, grid.x, g.filters * sums,
                            MatrixElement<float>{partial.data<float>(), g.filters * sums},
                            StoreGradients{g.taps(), mutable_data_or_null<float>(dkernel),
                                           mutable_data_or_null<float>(dbias)});
      });
  if (done) return;
  visit_float(x.dtype(), "conv_relu_pool", [&](auto zero) {
    using T = decltype(zero);
    int64_t pixels = dpooled.shape().rows();
    if (dkernel.defined())
      column_sums<double>(x, pixels, dkernel.elements(),
                          KernelGradientTerm<T>{x.data<T>(), dpooled.data<T>(), winner.data<uint8_t>(), g},
                          StoreSum<T>{dkernel.mutable_data<T>()});
    if (dbias.defined())
      column_sums<double>(x, pixels, g.filters,
                          BiasGradientTerm<T>{dpooled.data<T>(), winner.data<uint8_t>(), g.filters},
                          StoreSum<T>{dbias.mutable_data<T>()});
  });
}

void conv_relu_pool_backward_input(const Tensor& winner, const Tensor& dpooled, const Tensor& kernel,
                                   const WindowGeometry& conv, const Tensor& dx) {
  Geometry g = geometry_of(conv, dpooled.shape()[3]);
  visit_float(dx.dtype(), "conv_relu_pool", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(dx), dx.elements(),
             BackwardInput<T>{winner.data<uint8_t>(), dpooled.data<T>(), kernel.data<T>(), g,
                              dx.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
