#include "manul/data/image/pixels.h"

#include <algorithm>
#include <cstring>

#include "manul/framework/error.h"

namespace manul {
namespace {

/// Calls function(values, count) with the pixels as they are stored.
template <class Function>
void visit_pixels(const Image& image, const Shape& sample, Function function) {
  Shape shape{image.height, image.width, image.channels};
  check(shape == sample, "picture: it is {}, and {} is wanted", shape, sample);
  bool wide = !image.pixels16.empty();
  size_t count = wide ? image.pixels16.size() : image.pixels.size();
  check(count == static_cast<size_t>(sample.elements()), "picture: it has {} values for {}", count, sample);
  if (wide)
    function(image.pixels16.data(), count);
  else
    function(image.pixels.data(), count);
}

}  // namespace

void write_values_of(const Image& image, float* to, const Shape& sample, PixelScale scale) {
  auto factor = static_cast<float>(scale.scale), offset = static_cast<float>(scale.offset);
  visit_pixels(image, sample, [=](const auto* pixels, size_t count) {
    std::transform(pixels, pixels + count, to,
                   [=](auto value) { return static_cast<float>(value) * factor + offset; });
  });
}

void write_bytes_of(const Image& image, uint8_t* to, const Shape& sample, std::string_view name) {
  visit_pixels(image, sample, [&]<class Value>(const Value* pixels, size_t count) {
    if constexpr (sizeof(Value) > 1)
      fail(ErrorKind::data, "{}: 16-bit gray does not fit the 8 bits of a data set; read it as rgb", name);
    else
      std::memcpy(to, pixels, count);
  });
}

Tensor to_tensor(const Image& image, PixelScale scale) {
  Shape sample{image.height, image.width, image.channels};
  Tensor tensor = Tensor::empty(sample.batch_of(1));
  write_values_of(image, tensor.mutable_data<float>(), sample, scale);
  return tensor;
}

}  // namespace manul
