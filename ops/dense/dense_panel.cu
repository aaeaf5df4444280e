#include "manul/ops/dense/dense_panel.h"

#include <algorithm>

#include "manul/framework/cuda/product/panel_product.h"
#include "manul/ops/dense/dense_activation.h"

namespace manul::cuda {
namespace {

// Tiles of 32 rows are for small batches, where the kernel's weights are all there is to read; large tiles
// read their operands less often.
using NarrowForward = Panel<4, 4, 1, 1, 8, 32, 8>;  // 32 x 16
using SmallForward = Panel<4, 8, 1, 1, 8, 32, 6>;   // 32 x 32
using MiddleForward = Panel<8, 4, 1, 2, 4, 32, 4>;  // 64 x 32
using SmallInput = Panel<4, 8, 1, 1, 8, 32, 4>;     // 32 x 32
using SmallKernel = Panel<8, 4, 1, 4, 2, 16, 3>;    // 64 x 64
using MiddleInput = Panel<8, 4, 1, 4, 2, 32, 3>;    // 64 x 64
using MiddleKernel = Panel<8, 4, 1, 4, 2, 32, 3>;   // 64 x 64
using LongInput = Panel<4, 8, 1, 4, 2, 32, 3>;      // 32 x 128
using LongKernel = Panel<8, 4, 1, 8, 1, 16, 3>;     // 64 x 128

struct Derivative {
  Activation activation = Activation::linear;
  __device__ bool changes_nothing() const { return activation == Activation::linear; }
  __device__ float4 operator()(const float4& dy, const float4& y) const {
    return with_activation<float>(activation, [&](auto function) {
      return float4{dy.x * function.derivative(y.x), dy.y * function.derivative(y.y),
                    dy.z * function.derivative(y.z), dy.w * function.derivative(y.w)};
    });
  }
};

using Along = PanelOperand<true>;
using Across = PanelOperand<false>;
using GradientAlong = PanelOperand<true, Derivative>;
using GradientAcross = PanelOperand<false, Derivative>;

/// Writes activation(sum + bias).
struct StoreQuad {
  float* y;
  int64_t columns;
  const float* bias = nullptr;
  Activation activation = Activation::linear;
  __device__ void operator()(int64_t row, int64_t column, float4 sum) const {
    if (bias) add_quad(sum, *reinterpret_cast<const float4*>(bias + column));
    if (activation != Activation::linear)
      sum = with_activation<float>(activation, [&](auto function) {
        return float4{function.value(sum.x), function.value(sum.y), function.value(sum.z),
                      function.value(sum.w)};
      });
    // Told to, the compiler stores four at a time; by itself it stores each where it is computed.
    __stwb(reinterpret_cast<float4*>(y + row * columns + column), sum);
  }
};

template <class Panel>
__global__ void __launch_bounds__(Panel::threads, Panel::blocks)
    forward_panels(ProductSize<float> size, Along x, Across kernel, StoreQuad store) {
  begin_kernel();
  panel_block<Panel>(dynamic_shared<float>(), size, x, kernel, blockIdx.x / size.splits,
                     blockIdx.x % size.splits, store);
}

/// What the blocks of a backward pass need; the counts of blocks are 0 for gradients that nobody wants.
struct Backward {
  unsigned bias_blocks, kernel_blocks;
  ProductSize<float> kernel_size, input_size;
  Across x;
  Along kernel;
  GradientAcross by_unit;
  GradientAlong by_row;
  StoreQuad store_kernel, store_input;
  float* dbias;
};

/// The gradient of 32 biases: the sums of their columns.
constexpr int bias_lanes = 32;
template <int threads>
__device__ void bias_block(double* shared, const Backward& p, unsigned block) {
  const GradientAcross& gradient = p.by_unit;
  int lane = threadIdx.x % bias_lanes;
  int64_t unit = int64_t{block} * bias_lanes + lane, units = gradient.stride, rows = p.input_size.rows;
  double sum = 0;
  if (unit < units)
#pragma unroll 8
    for (int64_t row = threadIdx.x / bias_lanes; row < rows; row += threads / bias_lanes) {
      int64_t i = row * units + unit;
      sum += gradient.change.changes_nothing()
                 ? gradient.data[i]
                 : gradient.data[i] * activation_derivative(gradient.change.activation, gradient.y[i]);
    }
  shared[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x >= bias_lanes || unit >= units) return;
  for (int other = 1; other < threads / bias_lanes; ++other) sum += shared[other * bias_lanes + lane];
  p.dbias[unit] = static_cast<float>(sum);
}

/// All gradients in one launch: the first blocks have those of the biases, then come the tiles of dkernel and
/// those of dx.
template <class InputPanel, class KernelPanel>
__global__ void __launch_bounds__(InputPanel::threads) backward_panels(Backward p) {
  begin_kernel();
  static_assert(InputPanel::threads == KernelPanel::threads);
  unsigned block = blockIdx.x;
  if (block < p.bias_blocks) return bias_block<InputPanel::threads>(dynamic_shared<double>(), p, block);
  block -= p.bias_blocks;
  if (block < p.kernel_blocks) {
    panel_block<KernelPanel>(dynamic_shared<float>(), p.kernel_size, p.x, p.by_unit,
                             block / p.kernel_size.splits, block % p.kernel_size.splits, p.store_kernel);
  } else {
    block -= p.kernel_blocks;
    panel_block<InputPanel>(dynamic_shared<float>(), p.input_size, p.by_row, p.kernel,
                            block / p.input_size.splits, block % p.input_size.splits, p.store_input);
  }
}

bool all_aligned(std::initializer_list<const Tensor*> tensors) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [](const Tensor* tensor) { return is_aligned(*tensor); });
}

/// A batch that is one tile high, and an input for which blocks share the weights in narrow tiles.
constexpr int64_t small_rows = 32, short_length = 8192;

/// Whether the kernels of this file can do a layer with weights `kernel`, and cuBLAS is not faster: its tiles
/// are larger, its launches more.
bool fits(const Context& context, int64_t rows, const Tensor& kernel) {
  constexpr int64_t most_rows = 512, most_weights = int64_t{1} << 20;
  int64_t length = kernel.shape()[0], units = kernel.shape()[1];
  return kernel.dtype() == DType::f32 && length % 4 == 0 && units % 4 == 0 && units >= 16 &&
         context.capability() >= 80 &&
         (rows <= small_rows || (rows <= most_rows && length * units <= most_weights));
}

template <class Panel>
void forward_by(const Tensor& x, const Tensor& kernel, const StoreQuad& store, const Tensor& y) {
  const Context& context = context_of(x);
  constexpr int most_splits = 64;
  auto size = cut_panels<Panel>(y.shape()[0], y.shape()[1], x.shape()[1], context.multiprocessors(),
                                context.counters(), most_splits);
  unsigned blocks = product_blocks<Panel>(size);
  Tensor parts = partial_sums(size, Panel::rows * Panel::columns, blocks, y.device());
  launch_with_shared(context, forward_panels<Panel>, blocks, Panel::threads,
                     panel_floats<Panel, Along, Across> * sizeof(float), size,
                     Along{x.data<float>(), x.shape()[1]}, Across{kernel.data<float>(), kernel.shape()[1]},
                     store);
}

template <class InputPanel, class KernelPanel>
void backward_by(const Tensor& x, const Tensor& kernel, Activation activation, const Tensor& y,
                 const Tensor& dy, const Tensor& dx, const Tensor& dkernel, const Tensor& dbias) {
  const Context& context = context_of(x);
  int64_t batch = x.shape()[0], length = x.shape()[1], units = dy.shape()[1];
  int multiprocessors = context.multiprocessors();
  uint32_t* counters = context.counters();
  constexpr int most_splits = 16;
  Backward p{};
  p.bias_blocks = dbias.defined() ? blocks_for(units, bias_lanes) : 0;
  p.kernel_size = cut_panels<KernelPanel>(dkernel.defined() ? length : 0, units, batch, multiprocessors,
                                          counters, most_splits, 8);
  p.input_size = cut_panels<InputPanel>(batch, length, units, multiprocessors,
                                        counters + Context::counter_count / 2, most_splits, 8);
  p.kernel_blocks = product_blocks<KernelPanel>(p.kernel_size);
  unsigned input_blocks = dx.defined() ? product_blocks<InputPanel>(p.input_size) : 0;
  Tensor kernel_parts =
      partial_sums(p.kernel_size, KernelPanel::rows * KernelPanel::columns, p.kernel_blocks, x.device());
  Tensor input_parts =
      partial_sums(p.input_size, InputPanel::rows * InputPanel::columns, input_blocks, x.device());
  const float *gradient = dy.data<float>(), *output = data_or_null<float>(y);
  if (!output) output = gradient;
  p.x = {x.data<float>(), length};
  p.kernel = {kernel.data<float>(), units};
  p.by_unit = {gradient, units, output, {activation}};
  p.by_row = {gradient, units, output, {activation}};
  p.store_kernel = {mutable_data_or_null<float>(dkernel), units};
  p.store_input = {mutable_data_or_null<float>(dx), length};
  p.dbias = mutable_data_or_null<float>(dbias);
  constexpr int floats = std::max(panel_floats<InputPanel, GradientAlong, Along>,
                                  panel_floats<KernelPanel, Across, GradientAcross>);
  launch_with_shared(context, backward_panels<InputPanel, KernelPanel>,
                     p.bias_blocks + p.kernel_blocks + input_blocks, InputPanel::threads,
                     floats * sizeof(float), p);
}

}  // namespace

bool panel_dense_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, Activation activation,
                         const Tensor& y) {
  if (!fits(context_of(x), x.shape()[0], kernel) || !all_aligned({&x, &kernel, &bias, &y})) return false;
  int64_t rows = y.shape()[0], length = x.shape()[1];
  StoreQuad store{y.mutable_data<float>(), y.shape()[1], data_or_null<float>(bias), activation};
  if (rows <= small_rows && length <= short_length)
    forward_by<NarrowForward>(x, kernel, store, y);
  else if (rows <= small_rows)
    forward_by<SmallForward>(x, kernel, store, y);
  else
    forward_by<MiddleForward>(x, kernel, store, y);
  return true;
}

bool panel_dense_backward(const Tensor& x, const Tensor& kernel, Activation activation, const Tensor& y,
                          const Tensor& dy, const Tensor& dx, const Tensor& dkernel, const Tensor& dbias) {
  if (!fits(context_of(x), x.shape()[0], kernel) ||
      !all_aligned({&x, &kernel, &y, &dy, &dx, &dkernel, &dbias}))
    return false;
  int64_t rows = x.shape()[0];
  if (rows <= small_rows && x.shape()[1] <= short_length)
    backward_by<SmallInput, SmallKernel>(x, kernel, activation, y, dy, dx, dkernel, dbias);
  else if (rows <= small_rows)
    backward_by<LongInput, LongKernel>(x, kernel, activation, y, dy, dx, dkernel, dbias);
  else
    backward_by<MiddleInput, MiddleKernel>(x, kernel, activation, y, dy, dx, dkernel, dbias);
  return true;
}

}  // namespace manul::cuda
