#include <algorithm>
#include <optional>

#include "manul/framework/cuda/column_sums.h"
#include "manul/framework/cuda/dnn.h"
#include "manul/framework/cuda/elementwise.h"
#include "manul/framework/elementary.h"
#include "manul/ops/conv/conv2d.h"
#include "manul/ops/conv/conv2d_products.h"

namespace manul::cuda {
namespace {

/// Where tap `k` of output `o` reads along one axis; outside [0, input) it is padding.
__device__ int64_t source(const WindowGeometry& g, int axis, int64_t o, int64_t k) {
  return o * g.strides[axis] + k * g.dilation[axis] - g.pad_before[axis];
}

__device__ bool is_outside(const WindowGeometry& g, int64_t iy, int64_t ix) {
  return iy < 0 || iy >= g.input[0] || ix < 0 || ix >= g.input[1];
}

// The plain kernels: for f64, and for shapes that cuDNN has no deterministic algorithm for.

template <class T>
struct Forward {
  const T *x, *kernel, *bias;
  WindowGeometry g;
  int64_t filters;
  T* y;
  __device__ void operator()(int64_t i) const {
    int64_t f = i % filters, pixel = i / filters;
    int64_t ox = pixel % g.output[1], oy = pixel / g.output[1] % g.output[0],
            n = pixel / (g.output[0] * g.output[1]);
    int64_t channels = g.group_channels(), first = f / (filters / g.groups) * channels;
    T sum = bias ? bias[f] : T(0);
    for (int64_t ky = 0; ky < g.size[0]; ++ky)
      for (int64_t kx = 0; kx < g.size[1]; ++kx) {
        int64_t iy = source(g, 0, oy, ky), ix = source(g, 1, ox, kx);
        if (is_outside(g, iy, ix)) continue;
        const T* from = x + ((n * g.input[0] + iy) * g.input[1] + ix) * g.channels + first;
        const T* weight = kernel + ((f * g.size[0] + ky) * g.size[1] + kx) * channels;
        for (int64_t c = 0; c < channels; ++c) sum += from[c] * weight[c];
      }
    y[i] = sum;
  }
};

template <class T>
struct BackwardInput {
  const T *dy, *kernel;
  WindowGeometry g;
  int64_t filters;
  T* dx;

  /// The output whose tap `k` reads `input`; -1 if there is none.
  __device__ int64_t output_of(int axis, int64_t input, int64_t k) const {
    int64_t at = input + g.pad_before[axis] - k * g.dilation[axis];
    if (at < 0 || at % g.strides[axis] != 0) return -1;
    int64_t output = at / g.strides[axis];
    return output < g.output[axis] ? output : -1;
  }
  __device__ void operator()(int64_t i) const {
    int64_t c = i % g.channels, pixel = i / g.channels;
    int64_t ix = pixel % g.input[1], iy = pixel / g.input[1] % g.input[0],
            n = pixel / (g.input[0] * g.input[1]);
    int64_t channels = g.group_channels(), group_filters = filters / g.groups;
    int64_t first = c / channels * group_filters, next_filter = g.size[0] * g.size[1] * channels;
    T sum = 0;
    for (int64_t ky = 0; ky < g.size[0]; ++ky) {
      int64_t oy = output_of(0, iy, ky);
      if (oy < 0) continue;
      for (int64_t kx = 0; kx < g.size[1]; ++kx) {
        int64_t ox = output_of(1, ix, kx);
        if (ox < 0) continue;
        const T* from = dy + ((n * g.output[0] + oy) * g.output[1] + ox) * filters + first;
        const T* weight = kernel + first * next_filter + (ky * g.size[1] + kx) * channels + c % channels;
        for (int64_t f = 0; f < group_filters; ++f) sum += from[f] * weight[f * next_filter];
      }
    }
    dx[i] = sum;
  }
};

/// dy times the input under one tap: an output pixel a row, an element of the kernel a column.
template <class T>
struct KernelGradientTerm {
  const T *x, *dy;
  WindowGeometry g;
  int64_t filters;
  __device__ double operator()(int64_t pixel, int64_t column) const {
    int64_t channels = g.group_channels(), c = column % channels, tap = column / channels;
    int64_t kx = tap % g.size[1], ky = tap / g.size[1] % g.size[0], f = tap / (g.size[0] * g.size[1]);
    int64_t ox = pixel % g.output[1], oy = pixel / g.output[1] % g.output[0],
            n = pixel / (g.output[0] * g.output[1]);
    int64_t iy = source(g, 0, oy, ky), ix = source(g, 1, ox, kx);
    if (is_outside(g, iy, ix)) return 0;
    c += f / (filters / g.groups) * channels;
    return static_cast<double>(dy[pixel * filters + f] *
                               x[((n * g.input[0] + iy) * g.input[1] + ix) * g.channels + c]);
  }
};

template <class T>
struct BiasOf {
  const T* bias;
  __device__ float operator()(int64_t filter) const { return bias[filter]; }
};
struct AddBias {
  __device__ float operator()(float bias, float y) const { return y + bias; }
};

/// Copies a picture into a larger one with a border of zeros, or the inside of the larger one back: channels
/// one by one or in fours, with indices of 32 bits where they suffice, in which the GPU divides quickly.
template <class Value, class Index>
struct CopyPadded {
  using Size = std::array<Index, 2>;
  const Value* from;
  Size small, large, before;
  Index channels;  // in Values
  Value* to;
  bool crop;
  __device__ void operator()(int64_t i) const {
    const Size& size = crop ? small : large;
    Index c = static_cast<Index>(i) % channels, pixel = static_cast<Index>(i) / channels;
    Index x = pixel % size[1], line = pixel / size[1], y = line % size[0], n = line / size[0];
    if (crop) {
      to[i] = from[((n * large[0] + y + before[0]) * large[1] + x + before[1]) * channels + c];
      return;
    }
    Index iy = y - before[0], ix = x - before[1];
    bool inside = iy >= 0 && iy < small[0] && ix >= 0 && ix < small[1];
    to[i] = inside ? from[((n * small[0] + iy) * small[1] + ix) * channels + c] : Value{};
  }
};

/// `Element`: an unsigned integer of the elements' size.
template <class Value, class Element, class Index>
void copy_padded(const Tensor& from, const Tensor& to, const WindowGeometry& g,
                 const std::array<int64_t, 2>& large, bool crop) {
  auto lengths = [](const std::array<int64_t, 2>& of) {
    return std::array<Index, 2>{static_cast<Index>(of[0]), static_cast<Index>(of[1])};
  };
  constexpr int64_t width = sizeof(Value) / sizeof(Element);
  for_each(
      context_of(to), to.elements() / width,
      CopyPadded<Value, Index>{reinterpret_cast<const Value*>(from.bits<Element>()), lengths(g.input),
                               lengths(large), lengths(g.pad_before), static_cast<Index>(g.channels / width),
                               reinterpret_cast<Value*>(to.mutable_bits<Element>()), crop});
}

/// How cuDNN is asked for a geometry. It pads both sides alike: where more is wanted behind than before, or
/// the other way round, or where a window would lie in the padding alone, the input is copied with its
/// border.
class DnnShape {
 public:
  DnnShape(const WindowGeometry& g, int64_t filters, DType dtype)
      : geometry_(g), shape_{g.batch,   g.channels, filters,      g.input,  g.output, g.size,
                             g.strides, g.dilation, g.pad_before, g.groups, dtype} {
    for (int axis = 0; axis < 2; ++axis) {
      int64_t reach = (g.size[axis] - 1) * g.dilation[axis] + 1, before = g.pad_before[axis];
      bool alike = (g.input[axis] + 2 * before - reach) / g.strides[axis] + 1 == g.output[axis];
      copies_ |= !alike || g.input[axis] + 2 * before < reach || before >= reach;
    }
    if (!copies_) return;
    for (int axis = 0; axis < 2; ++axis) {
      int64_t reach = (g.size[axis] - 1) * g.dilation[axis] + 1;
      shape_.input[axis] =
          std::max((g.output[axis] - 1) * g.strides[axis] + reach, g.pad_before[axis] + g.input[axis]);
      shape_.padding[axis] = 0;
    }
  }

  const ConvolutionShape& shape() const { return shape_; }
  bool copies() const { return copies_; }

  Tensor pad(const Tensor& x) const {
    if (!copies_) return x;
    Tensor padded = empty_padded(x.device());
    copy(x, padded, false);
    return padded;
  }
  /// Calls write(tensor) with dx itself, or with a padded one that is cut back to dx.
  template <class Write>
  bool write_cropped(const Tensor& dx, const Write& write) const {
    if (!copies_) return write(dx);
    Tensor padded = empty_padded(dx.device());
    if (!write(padded)) return false;
    copy(padded, dx, true);
    return true;
  }

 private:
  Tensor empty_padded(Device device) const {
    return Tensor::empty({shape_.batch, shape_.input[0], shape_.input[1], shape_.channels}, shape_.dtype,
                         device);
  }
  void copy(const Tensor& from, const Tensor& to, bool crop) const {
    if (shape_.dtype == DType::bf16)
      copy_as<uint16_t>(from, to, crop);
    else
      copy_as<uint32_t>(from, to, crop);
  }
  template <class Element>
  void copy_as(const Tensor& from, const Tensor& to, bool crop) const {
    if (geometry_.channels % pack_width<Element> == 0 && allow_packs({from.raw(), to.raw()}))
      copy_values<uint4, Element>(from, to, crop);
    else
      copy_values<Element, Element>(from, to, crop);
  }
  template <class Value, class Element>
  void copy_values(const Tensor& from, const Tensor& to, bool crop) const {
    if (std::max(from.elements(), to.elements()) < int64_t{1} << 31)
      copy_padded<Value, Element, int32_t>(from, to, geometry_, shape_.input, crop);
    else
      copy_padded<Value, Element, int64_t>(from, to, geometry_, shape_.input, crop);
  }

  WindowGeometry geometry_;
  ConvolutionShape shape_;
  bool copies_ = false;
};

bool is_for_dnn(const Tensor& tensor) {
  return (tensor.dtype() == DType::f32 || tensor.dtype() == DType::bf16) && tensor.elements() > 0;
}
/// Whether the convolution is a product that cuBLAS is asked for: cuDNN is asked in bf16.
bool is_product_in_f32(const WindowGeometry& geometry, const Tensor& tensor) {
  return tensor.dtype() == DType::f32 && is_product(geometry);
}

template <class T>
void add_bias(const Tensor& bias, const Tensor& y) {
  T* to = y.mutable_data<T>();
  channelwise(context_of(y), y.shape().rows(), bias.elements(), BiasOf<T>{bias.data<T>()}, AddBias{}, to,
              static_cast<const T*>(to));
}

}  // namespace

void conv2d_forward(const Tensor& x, const Tensor& kernel, const Tensor& bias, const WindowGeometry& geometry,
                    const Tensor& y) {
  const Context& context = context_of(x);
  int64_t filters = kernel.shape()[0];
  if (is_for_dnn(y)) {
    if (is_product_in_f32(geometry, y) && forward_by_product(x, kernel, bias, y)) return;
    DnnShape dnn(geometry, filters, y.dtype());
    Tensor padded = dnn.pad(x);
    if (bias.defined() && dnn_forward_with_bias(dnn.shape(), padded, kernel, bias, y)) return;
    if (dnn_forward(dnn.shape(), padded, kernel, y)) {
      if (bias.defined()) y.dtype() == DType::bf16 ? add_bias<bfloat16>(bias, y) : add_bias<float>(bias, y);
      return;
    }
  }
  if (y.dtype() == DType::bf16) return call_in_f32(conv2d_forward, x, kernel, bias, geometry, y);
  visit_float(x.dtype(), "conv2d", [&](auto zero) {
    using T = decltype(zero);
    for_each(context, y.elements(),
             Forward<T>{x.data<T>(), kernel.data<T>(), data_or_null<T>(bias), geometry, filters,
                        y.mutable_data<T>()});
  });
}

void conv2d_backward_input(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                           const Tensor& dx) {
  int64_t filters = kernel.shape()[0];
  if (is_for_dnn(dy)) {
    if (is_product_in_f32(geometry, dy) && input_gradient_by_product(dy, kernel, dx)) return;
    DnnShape dnn(geometry, filters, dy.dtype());
    if (dnn.write_cropped(dx,
                          [&](const Tensor& to) { return dnn_backward_input(dnn.shape(), dy, kernel, to); }))
      return;
  }
  if (dy.dtype() == DType::bf16) return call_in_f32(conv2d_backward_input, dy, kernel, geometry, dx);
  visit_float(dy.dtype(), "conv2d", [&](auto zero) {
    using T = decltype(zero);
    for_each(context_of(dy), dx.elements(),
             BackwardInput<T>{dy.data<T>(), kernel.data<T>(), geometry, filters, dx.mutable_data<T>()});
  });
}

void conv2d_add_backward_input(const Tensor& dy, const Tensor& kernel, const WindowGeometry& geometry,
                               const Tensor& dx) {
  if (is_for_dnn(dy) && !is_product_in_f32(geometry, dy)) {
    DnnShape dnn(geometry, kernel.shape()[0], dy.dtype());
    if (!dnn.copies() && dnn_add_backward_input(dnn.shape(), dy, kernel, dx)) return;
  }
  Tensor own = Tensor::empty_like(dx);
  conv2d_backward_input(dy, kernel, geometry, own);
  accumulate(own, dx);
}

namespace {

template <class T>
void bias_gradient(const Tensor& dy, const Tensor& dbias) {
  int64_t filters = dy.shape()[3];
  column_sums<double>(dy, dy.shape().rows(), filters, MatrixElement<T>{dy.data<T>(), filters},
                      StoreSum<T>{dbias.mutable_data<T>()});
}

}  // namespace

void conv2d_backward_kernel(const Tensor& x, const Tensor& dy, const WindowGeometry& geometry,
                            const Tensor& dkernel, const Tensor& dbias) {
  int64_t filters = dy.shape()[3], pixels = dy.shape().rows();
  if (dbias.defined())
    visit_compute(dy.dtype(), "conv2d",
                  [&](auto types) { bias_gradient<typename decltype(types)::Storage>(dy, dbias); });
  if (!dkernel.defined()) return;
  if (is_for_dnn(dy)) {
    if (is_product_in_f32(geometry, dy) && kernel_gradient_by_products(x, dy, geometry, dkernel, most_parts))
      return;
    DnnShape dnn(geometry, filters, dy.dtype());
    if (dnn_backward_kernel(dnn.shape(), dnn.pad(x), dy, dkernel)) return;
    if (dy.dtype() == DType::f32 && kernel_gradient_by_products(x, dy, geometry, dkernel, most_parts)) return;
  }
  if (dy.dtype() == DType::bf16)
    return call_in_f32(conv2d_backward_kernel, x, dy, geometry, dkernel, Tensor());
  visit_float(dy.dtype(), "conv2d", [&](auto zero) {
    using T = decltype(zero);
    column_sums<double>(dy, pixels, dkernel.elements(),
                        KernelGradientTerm<T>{x.data<T>(), dy.data<T>(), geometry, filters},
                        StoreSum<T>{dkernel.mutable_data<T>()});
  });
}

}  // namespace manul::cuda
