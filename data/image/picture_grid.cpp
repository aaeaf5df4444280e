#include "manul/data/image/picture_grid.h"

#include <algorithm>

#include "manul/framework/error.h"

namespace manul {
namespace {

std::vector<uint8_t> bytes_of(const Tensor& pictures) {
  if (pictures.dtype() == DType::u8) return pictures.to_vector<uint8_t>();
  std::vector<float> values = pictures.to(DType::f32).to_vector<float>();
  std::vector<uint8_t> bytes(values.size());
  std::transform(values.begin(), values.end(), bytes.begin(),
                 [](float x) { return static_cast<uint8_t>(x > 0 ? std::min(x, 1.f) * 255 + 0.5f : 0); });
  return bytes;
}

}  // namespace

Image picture_grid(const Tensor& pictures, int64_t columns, int gap) {
  const Shape& shape = pictures.shape();
  check(shape.rank() == 4 && shape.elements() > 0 && (shape[3] == 1 || shape[3] == 3 || shape[3] == 4),
        "picture_grid: takes pictures [N, height, width, channels] of 1, 3 or 4 channels, not {}", shape);
  check(columns >= 1 && gap >= 0, "picture_grid: {} columns with gaps of {} pixels cannot be", columns, gap);
  int64_t across = std::min(columns, shape[0]), down = (shape[0] + across - 1) / across;
  int64_t height = down * (shape[1] + gap) - gap, width = across * (shape[2] + gap) - gap;
  constexpr int64_t most = 65535;  // that a JPEG file can have
  check(height <= most && width <= most,
        "picture_grid: {} pictures {}x{} make one of {}x{} pixels, more than {}", shape[0], shape[1],
        shape[2], height, width, most);
  Image grid(static_cast<int>(height), static_cast<int>(width), static_cast<int>(shape[3]));
  std::vector<uint8_t> bytes = bytes_of(pictures);
  int64_t row = shape[2] * shape[3];
  for (int64_t i = 0; i < shape[0]; ++i)
    for (int64_t y = 0; y < shape[1]; ++y)
      std::copy_n(bytes.data() + (i * shape[1] + y) * row, row,
                  grid.row(static_cast<int>(i / across * (shape[1] + gap) + y)) +
                      i % across * (shape[2] + gap) * shape[3]);
  return grid;
}

}  // namespace manul
