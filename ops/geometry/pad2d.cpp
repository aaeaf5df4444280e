#include "manul/ops/geometry/pad2d.h"

#include <algorithm>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/conv/window.h"

namespace manul {
namespace {

void check_border(const char* operation, const Tensor& x, Border rows, Border columns) {
  check(x.shape().rank() == 4, "{}: input {} is not [batch, height, width, channels]", operation, x.shape());
  for (int64_t length : {rows.before, rows.behind, columns.before, columns.behind})
    check(length >= 0 && length <= longest_side, "{}: a border of [{}, {}] rows and [{}, {}] columns",
          operation, rows.before, rows.behind, columns.before, columns.behind);
}

Tensor shifted(const char* operation, const Tensor& x, const Shape& output, std::array<int64_t, 2> shift) {
  Tensor y = Tensor::empty(output, x.dtype(), x.device());
  shift2d_kernel(x, shift, y);
  if (Tape* tape = Tape::recording({&x}))
    tape->record(operation, y, {x}, [shift](const Tensor& dy, Gradients& gradients) {
      shift2d_kernel(dy, std::array<int64_t, 2>{-shift[0], -shift[1]}, gradients.target(0));
    });
  return y;
}

}  // namespace

Tensor zero_pad2d(const Tensor& x, Border rows, Border columns) {
  check_border("zero_pad2d", x, rows, columns);
  const Shape& s = x.shape();
  Shape output{s[0], s[1] + rows.before + rows.behind, s[2] + columns.before + columns.behind, s[3]};
  return shifted("zero_pad2d", x, output, {rows.before, columns.before});
}

Tensor crop2d(const Tensor& x, Border rows, Border columns) {
  check_border("crop2d", x, rows, columns);
  const Shape& s = x.shape();
  int64_t height = s[1] - rows.before - rows.behind, width = s[2] - columns.before - columns.behind;
  check(height > 0 && width > 0, "crop2d: nothing is left of {} without [{}, {}] rows and [{}, {}] columns",
        s, rows.before, rows.behind, columns.before, columns.behind);
  return shifted("crop2d", x, {s[0], height, width, s[3]}, {-rows.before, -columns.before});
}

void cpu::shift2d(const Tensor& x, const std::array<int64_t, 2>& shift, const Tensor& y) {
  visit_float(x.dtype(), "shift2d", [&]<class T>(T) {
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    int64_t channels = y.shape()[3], height = x.shape()[1], width = x.shape()[2];
    int64_t out_height = y.shape()[1], out_width = y.shape()[2];
    int64_t begin = std::clamp(shift[1], int64_t{0}, out_width);
    int64_t end = std::clamp(width + shift[1], begin, out_width);
    parallel_for(
        y.shape()[0] * out_height, 16, [=, top = shift[0], left = shift[1]](int64_t first, int64_t last) {
          for (int64_t row = first; row < last; ++row) {
            int64_t source = row % out_height - top;
            T* line = to + row * out_width * channels;
            if (source < 0 || source >= height) {
              std::fill_n(line, out_width * channels, T(0));
              continue;
            }
            std::fill(line, line + begin * channels, T(0));
            std::copy_n(from + ((row / out_height * height + source) * width + begin - left) * channels,
                        (end - begin) * channels, line + begin * channels);
            std::fill(line + end * channels, line + out_width * channels, T(0));
          }
        });
  });
}

}  // namespace manul
