#include "manul/data/synthetic/synthetic_scene.h"

namespace manul::drawing {
namespace {

constexpr std::array<Color, 5> walls{{{0.93f, 0.86f, 0.72f},
                                      {0.88f, 0.72f, 0.70f},
                                      {0.72f, 0.70f, 0.84f},
                                      {0.70f, 0.80f, 0.80f},
                                      {0.90f, 0.88f, 0.86f}}};
constexpr std::array<Color, 4> floors{
    {{0.66f, 0.50f, 0.36f}, {0.50f, 0.42f, 0.40f}, {0.80f, 0.70f, 0.54f}, {0.45f, 0.46f, 0.60f}}};
constexpr std::array<Color, 3> skies{{{0.58f, 0.78f, 0.94f}, {0.80f, 0.88f, 0.92f}, {0.94f, 0.80f, 0.66f}}};
constexpr std::array<Color, 3> meadows{{{0.42f, 0.62f, 0.32f}, {0.58f, 0.66f, 0.34f}, {0.34f, 0.52f, 0.36f}}};
}  // namespace

void paint_background(Canvas& canvas, Dice& dice, bool outdoors) {
  Color wall = scaled(outdoors ? dice.one_of(skies) : dice.one_of(walls), dice.around(0.95f, 0.1f));
  Color ground = scaled(outdoors ? dice.one_of(meadows) : dice.one_of(floors), dice.around(1, 0.15f));
  float horizon = dice.between(0.45f, 0.85f), slope = dice.around(0, 0.15f), fade = dice.between(0.05f, 0.3f);
  canvas.cover([&](Point p) {
    if (p.y > horizon + slope * (p.x - 0.5f)) return scaled(ground, 0.85f + 0.3f * (p.y - horizon));
    return scaled(wall, 1 - fade * p.y);
  });
  Frame frame({0, 0}, static_cast<float>(canvas.size()), 0, false);
  auto spots = static_cast<int>(dice.between(1, 7));
  for (int i = 0; i < spots; ++i) {
    Point at{dice.between(0, 1), dice.between(0, 1)};
    float size = dice.between(0.03f, 0.16f);
    Color color = dice.chance(0.5f) ? dice.one_of(bright_colors) : scaled(dice.one_of(fur_colors), 1.1f);
    float opacity = dice.between(0.15f, 0.6f);
    if (dice.chance(0.6f)) {
      canvas.fill(frame, ellipse(at, size, size * dice.between(0.6f, 1.4f), dice.between(0, 3)), color,
                  opacity, 4);
    } else {
      Point to = at + Point{dice.around(0, 0.4f), dice.around(0, 0.4f)};
      canvas.fill(frame,
                  stroke(at, 0.5f * (at + to) + Point{dice.around(0, 0.1f), 0}, to, size * 0.3f, size * 0.2f),
                  color, opacity, 3);
    }
  }
}

void paint_foreground(Canvas& canvas, Dice& dice) {
  Frame frame({0, 0}, static_cast<float>(canvas.size()), 0, false);
  if (dice.chance(0.3f)) {
    Color color = dice.one_of(bright_colors);
    Point at{dice.between(0.1f, 0.9f), dice.between(0.6f, 0.95f)};
    float size = dice.between(0.06f, 0.13f);
    canvas.fill(frame, ellipse(at, size, size),
                [=](Point p, float) { return scaled(color, 1.15f - 2 * (p.y - at.y)); });
  }
  if (dice.chance(0.3f))
    for (int i = 0; i < 7; ++i) {
      float x = dice.between(0, 1), height = dice.between(0.1f, 0.35f);
      canvas.fill(
          frame,
          stroke({x, 1}, {x, 1 - 0.6f * height}, {x + dice.around(0, 0.12f), 1 - height}, 0.012f, 0.003f),
          Color{0.30f, 0.52f, 0.24f});
    }
}

void develop(Canvas& canvas, Dice& dice) {
  float light = dice.between(0.85f, 1.15f), contrast = dice.between(0.85f, 1.1f),
        grain = dice.between(0.02f, 0.08f);
  Color tint{dice.around(1, 0.06f), dice.around(1, 0.04f), dice.around(1, 0.08f)};
  for (int y = 0; y < canvas.size(); ++y)
    for (int x = 0; x < canvas.size(); ++x) {
      Color& pixel = canvas.at(x, y);
      float noise = grain * dice.noise();
      auto expose = [&](float value, float k) {
        return ((value - 0.5f) * contrast + 0.5f) * light * k + noise;
      };
      pixel = {expose(pixel.red, tint.red), expose(pixel.green, tint.green), expose(pixel.blue, tint.blue)};
    }
}

}  // namespace manul::drawing
