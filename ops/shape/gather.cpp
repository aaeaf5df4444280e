#include "manul/ops/shape/gather.h"

#include <algorithm>
#include <vector>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/shape/reshape.h"

namespace manul {

Tensor gather(const Tensor& x, const Tensor& given, int axis) {
  Tensor indices = given.dtype() == DType::bf16 ? given.to(DType::f32) : given;
  int at = axis_of("gather", axis, x.shape().rank());
  int64_t outer = 1, inner = 1, count = indices.elements(), length = x.shape()[at];
  std::vector<int64_t> lengths;
  for (int i = 0; i < at; ++i) {
    outer *= x.shape()[i];
    lengths.push_back(x.shape()[i]);
  }
  lengths.insert(lengths.end(), indices.shape().begin(), indices.shape().end());
  for (int i = at + 1; i < x.shape().rank(); ++i) {
    inner *= x.shape()[i];
    lengths.push_back(x.shape()[i]);
  }
  Tensor y = Tensor::empty(Shape(lengths), x.dtype(), x.device());
  Shape of_x{outer, length, inner}, of_y{outer, count, inner};
  gather_kernel(x.view(of_x), indices, y.view(of_y));
  if (Tape* tape = Tape::recording({&x}))
    tape->record("gather", y, {x}, [indices, of_x, of_y](const Tensor& dy, Gradients& gradients) {
      gather_backward_kernel(indices, dy.view(of_y), gradients.target(0).view(of_x));
    });
  return y;
}

Tensor one_hot(const Tensor& indices, int64_t depth, DType dtype) {
  check(depth >= 0, "one_hot: {} classes", depth);
  std::vector<int64_t> lengths(indices.shape().begin(), indices.shape().end());
  lengths.push_back(depth);
  Tensor y = Tensor::empty(Shape(lengths), dtype, indices.device());
  one_hot_kernel(indices, y);
  return y;
}

namespace cpu {
namespace {

/// The indices as integers; throws if one is not in 0 .. length - 1.
std::vector<int64_t> checked(const Tensor& indices, int64_t length) {
  std::vector<int64_t> values(indices.elements());
  visit_dtype(indices.dtype(), [&](auto zero) {
    const auto* from = indices.data<decltype(zero)>();
    for (size_t i = 0; i < values.size(); ++i) {
      check(from[i] >= 0 && static_cast<double>(from[i]) < static_cast<double>(length),
            "gather: the index {} is not in 0 .. {}", from[i], length - 1);
      values[i] = static_cast<int64_t>(from[i]);
    }
  });
  return values;
}

}  // namespace

void gather(const Tensor& x, const Tensor& indices, const Tensor& y) {
  std::vector<int64_t> places = checked(indices, x.shape()[1]);
  int64_t count = y.shape()[1], inner = y.shape()[2], length = x.shape()[1];
  visit_bits(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.bits<T>();
    T* to = y.mutable_bits<T>();
    int64_t grain = std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(inner, 1));
    parallel_for(y.shape()[0] * count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        std::copy_n(from + (i / count * length + places[i % count]) * inner, inner, to + i * inner);
    });
  });
}

void gather_backward(const Tensor& indices, const Tensor& dy, const Tensor& dx) {
  std::vector<int64_t> places = checked(indices, dx.shape()[1]);
  constexpr int64_t width = 64;  // columns that a thread adds at a time
  int64_t count = dy.shape()[1], inner = dy.shape()[2], length = dx.shape()[1];
  int64_t stripes = (inner + width - 1) / width;
  dx.fill_zero();
  visit_float(dy.dtype(), "gather", [&](auto zero) {
    using T = decltype(zero);
    const T* from = dy.data<T>();
    T* to = dx.mutable_data<T>();
    parallel_for(dy.shape()[0] * stripes, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        int64_t outer = part / stripes, first = part % stripes * width, last = std::min(first + width, inner);
        for (int64_t i = 0; i < count; ++i) {
          const T* row = from + (outer * count + i) * inner;
          T* sum = to + (outer * length + places[i]) * inner;
          for (int64_t column = first; column < last; ++column) sum[column] += row[column];
        }
      }
    });
  });
}

void one_hot(const Tensor& indices, const Tensor& y) {
  int64_t depth = y.shape()[-1];
  y.fill_zero();
  visit_dtype(indices.dtype(), [&](auto index_zero) {
    const auto* from = indices.data<decltype(index_zero)>();
    visit_dtype(y.dtype(), [&](auto zero) {
      auto* to = y.mutable_data<decltype(zero)>();
      for (int64_t i = 0; i < indices.elements(); ++i) {
        auto place = static_cast<double>(from[i]);
        if (place >= 0 && place < static_cast<double>(depth)) to[i * depth + static_cast<int64_t>(place)] = 1;
      }
    });
  });
}

}  // namespace cpu
}  // namespace manul
