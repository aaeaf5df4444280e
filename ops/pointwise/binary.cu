#include "manul/framework/cuda/packed_column_sums.h"
#include "manul/ops/pointwise/binary_functions.h"
#include "manul/ops/pointwise/pointwise.h"

namespace manul::cuda {
namespace {

template <class T, class Use>
void visit_binary(Binary operation, Use&& use) {
  pointwise::visit<T>(pointwise::BinaryFunctions{}, operation.function, {}, use);
}

/// Those that bf16 is computed by as it is; see unary.cu.
using BinaryInBf16 = pointwise::FunctionList<pointwise::Add, pointwise::Subtract, pointwise::Multiply>;

template <class Use, template <class> class... Functions>
bool visit_in_bf16(Binary operation, Use&& use, pointwise::FunctionList<Functions...>) {
  return ((pointwise::binary_place<Functions> == operation.function && (use(Functions<float>{}), true)) ||
          ...);
}

template <class F>
struct BinaryValue {
  F function;
  template <class T>
  __device__ T operator()(T a, T b) const {
    return function.value(a, b);
  }
};
template <class F>
struct BinaryValueOfRepeated {
  F function;
  template <class T>
  __device__ T operator()(T b, T a) const {
    return function.value(a, b);
  }
};

/// An operand that repeats along the rows of its groups.
template <class T>
struct Repeated {
  const T* b;
  bool is_one;
  __device__ Compute<T> operator()(int64_t c) const { return b[is_one ? 0 : c]; }
};
template <class T, class Function, class... Inputs>
void with_repeated(const Context& context, const Repetition& repeats, const Tensor& b,
                   const Function& function, T* to, const Inputs*... from) {
  auto [groups, rows, period] = repeats;
  bool is_one = groups * period == 1;
  int64_t elements = groups * rows * period;
  if (elements == 0) return;
  constexpr int64_t width = pack_width<T>;
  if (is_one && elements % width == 0) rows = elements / width, period = width;
  for (int64_t first = 0; first < groups; first += most_channel_groups) {
    int64_t skip = first * rows * period;
    channelwise_in_groups(context, std::min(groups - first, most_channel_groups), rows, period,
                          Repeated<T>{b.data<T>() + first * period, is_one}, function, to + skip,
                          (from + skip)...);
  }
}

template <class F>
struct GradientA {
  F function;
  template <class T>
  __device__ T operator()(T dy, T a, T b) const {
    return dy * function.derivative_a(a, b);
  }
};
template <class F>
struct GradientAOfRepeated {
  F function;
  template <class T>
  __device__ T operator()(T b, T dy, T a) const {
    return dy * function.derivative_a(a, b);
  }
};
template <class F>
struct GradientB {
  F function;
  template <class T>
  __device__ T operator()(T dy, T a, T b) const {
    return dy * function.derivative_b(a, b);
  }
};

/// The same where b repeats.
template <class F, class T>
struct GradientBOfRepeated {
  using Element = T;
  using Part = Compute<T>;
  static constexpr int rows_at_once = 4;
  F function;
  const T *a, *b, *dy;
  int64_t rows, columns;

  template <int width>
  struct Loaded {
    Pack<T, width> a, dy;
  };
  template <int width>
  struct OfPack {
    F function;
    const T *a, *dy;
    int64_t packs;
    Pack<T, width> b;
    __device__ Loaded<width> load(int64_t row) const {
      return {pack<T, width>(a, row * packs), pack<T, width>(dy, row * packs)};
    }
    __device__ void add(const Loaded<width>& loaded, int64_t, Part (&parts)[width]) const {
#pragma unroll
      for (int k = 0; k < width; ++k)
        parts[k] +=
            static_cast<Part>(loaded.dy.values[k]) *
            function.derivative_b(static_cast<Part>(loaded.a.values[k]), static_cast<Part>(b.values[k]));
    }
  };
  template <int width>
  __device__ OfPack<width> of_pack(int64_t group, int64_t place) const {
    int64_t first = group * rows * columns + place * width;
    OfPack<width> result{function, a + first, dy + first, columns / width, {}};
#pragma unroll
    for (int k = 0; k < width; ++k) result.b.values[k] = b[group * columns + place * width + k];
    return result;
  }
};

template <class T, class F>
void compute(const F& function, const Tensor& a, const Tensor& b, const Tensor& y) {
  Repetition repeats = *repetition_of(a.shape(), b.shape());
  if (repeats.rows == 1)
    elementwise(context_of(a), a.elements(), BinaryValue<F>{function}, y.mutable_data<T>(), a.data<T>(),
                b.data<T>());
  else
    with_repeated(context_of(a), repeats, b, BinaryValueOfRepeated<F>{function}, y.mutable_data<T>(),
                  a.data<T>());
}

template <class T, class F>
void compute_gradients(const F& function, const Tensor& a, const Tensor& b, const Tensor& dy,
                       const Tensor& da, const Tensor& db) {
  const Context& context = context_of(a);
  Repetition repeats = *repetition_of(a.shape(), b.shape());
  int64_t elements = a.elements();
  const T *x = a.data<T>(), *z = b.data<T>(), *arrived = dy.data<T>();
  if (da.defined() && repeats.rows == 1)
    elementwise(context, elements, GradientA<F>{function}, da.mutable_data<T>(), arrived, x, z);
  else if (da.defined())
    with_repeated(context, repeats, b, GradientAOfRepeated<F>{function}, da.mutable_data<T>(), arrived, x);
  if (!db.defined()) return;
  if (repeats.rows == 1)
    elementwise(context, elements, GradientB<F>{function}, db.mutable_data<T>(), arrived, x, z);
  else
    packed_column_sums<double>(
        a, repeats.groups, repeats.rows, repeats.period,
        GradientBOfRepeated<F, T>{function, x, z, arrived, repeats.rows, repeats.period}, {a.raw(), dy.raw()},
        StoreSum<T>{db.mutable_data<T>()});
}

}  // namespace

void binary(Binary operation, const Tensor& a, const Tensor& b, const Tensor& y) {
  if (a.dtype() == DType::bf16) {
    auto use = [&](auto function) { compute<bfloat16>(function, a, b, y); };
    if (!visit_in_bf16(operation, use, BinaryInBf16{})) call_in_f32(binary, operation, a, b, y);
    return;
  }
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    visit_binary<T>(operation, [&](auto function) { compute<T>(function, a, b, y); });
  });
}

void binary_backward(Binary operation, const Tensor& a, const Tensor& b, const Tensor& dy, const Tensor& da,
                     const Tensor& db) {
  if (a.dtype() == DType::bf16) {
    auto use = [&](auto function) { compute_gradients<bfloat16>(function, a, b, dy, da, db); };
    if (!visit_in_bf16(operation, use, BinaryInBf16{}))
      call_in_f32(binary_backward, operation, a, b, dy, da, db);
    return;
  }
  visit_float(a.dtype(), "arithmetic", [&](auto zero) {
    using T = decltype(zero);
    visit_binary<T>(operation, [&](auto function) {
      if constexpr (pointwise::has_gradient<decltype(function), T>)
        compute_gradients<T>(function, a, b, dy, da, db);
    });
  });
}

}  // namespace manul::cuda
