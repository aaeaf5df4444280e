#include "manul/data/synthetic/shapes.h"

#include <string_view>

#include "manul/data/synthetic/synthetic_dice.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/error.h"

namespace manul {
namespace {

using namespace drawing;

constexpr std::array<std::string_view, 10> shape_names{"disc",  "ring", "square", "frame", "triangle",
                                                       "cross", "bar",  "bars",   "half",  "dots"};

/// The distance to an upright box about the origin.
float distance_to_box(Point p, float half_width, float half_height) {
  float x = std::abs(p.x) - half_width, y = std::abs(p.y) - half_height;
  return length({std::max(x, 0.f), std::max(y, 0.f)}) + std::min(std::max(x, y), 0.f);
}

/// The distance to a shape of about half width 1 about the origin.
float distance_to_shape(int64_t kind, Point p) {
  switch (kind) {
    case 0:
      return length(p) - 1;
    case 1:
      return std::abs(length(p) - 0.8f) - 0.2f;
    case 2:
      return distance_to_box(p, 0.85f, 0.85f);
    case 3:
      return std::abs(distance_to_box(p, 0.75f, 0.75f)) - 0.18f;
    case 4:
      return triangle({-1, 0.8f}, {1, 0.8f}, {0, -0.9f}, 0).distance(p);
    case 5:
      return std::min(distance_to_box(p, 1, 0.28f), distance_to_box(p, 0.28f, 1));
    case 6:
      return distance_to_box(p, 0.28f, 1);
    case 7:
      return distance_to_box({std::abs(p.x) - 0.6f, p.y}, 0.25f, 1);
    case 8:
      return std::max(length(p) - 1, p.y);
    default:
      return length({std::abs(p.x) - 0.6f, p.y}) - 0.4f;
  }
}

/// One picture and its mask, [size, size] each.
void draw_shape(int64_t kind, uint64_t seed, int64_t index, int size, uint8_t* picture, uint8_t* mask) {
  constexpr uint64_t stream = 16;  // beside those of the animals
  Dice dice(stream, seed, index);
  auto pixels = static_cast<float>(size);
  Frame frame({pixels * dice.around(0.5f, 0.1f), pixels * dice.around(0.5f, 0.1f)},
              pixels * dice.between(0.2f, 0.34f), dice.around(0, 0.35f), false);
  Canvas canvas(size), inside(size);
  drawing::Shape shape{Point{}, 1.5f, [kind](Point p) { return distance_to_shape(kind, p); }};
  float ground = dice.between(0, 0.15f), bright = dice.between(0.55f, 0.95f);
  canvas.cover([ground](Point) { return Color{ground, ground, ground}; });
  canvas.fill(frame, shape, {bright, bright, bright});
  inside.fill(frame, shape, {1, 1, 1});
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      float value = std::clamp(canvas.at(x, y).red + 0.08f * dice.noise(), 0.f, 1.f);
      *picture++ = static_cast<uint8_t>(255 * value + 0.5f);
      *mask++ = inside.at(x, y).red >= 0.5f;
    }
}

}  // namespace

DrawnShapes draw_shapes(const ShapeOptions& options) {
  auto kinds = static_cast<int64_t>(shape_names.size());
  check(options.count >= 1, "drawn shapes: {} pictures are none", options.count);
  check(options.size >= 8 && options.size <= 4096,
        "drawn shapes: a size of {} pixels is not between 8 and 4096", options.size);
  check(options.first_class >= 0 && options.classes >= 1 && options.classes <= kinds - options.first_class,
        "drawn shapes: there are {} kinds, not {} from number {} on", kinds, options.classes,
        options.first_class);
  manul::Shape shape{options.count, options.size, options.size, 1};
  DrawnShapes shapes;
  shapes.images = Tensor::empty(shape, DType::u8);
  shapes.masks = Tensor::empty(shape, DType::u8);
  shapes.labels = Tensor::empty({options.count}, DType::i32);
  int64_t pixels = shape.sample().elements();
  cpu::parallel_for(options.count, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t label = i % options.classes;
      shapes.labels.mutable_data<int32_t>()[i] = static_cast<int32_t>(label);
      draw_shape(options.first_class + label, options.seed, i, options.size,
                 shapes.images.mutable_data<uint8_t>() + i * pixels,
                 shapes.masks.mutable_data<uint8_t>() + i * pixels);
    }
  });
  for (int64_t i = 0; i < options.classes; ++i)
    shapes.class_names.emplace_back(shape_names[static_cast<size_t>(options.first_class + i)]);
  return shapes;
}

}  // namespace manul
