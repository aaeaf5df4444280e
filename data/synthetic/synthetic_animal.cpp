#include "manul/data/synthetic/synthetic_animal.h"

namespace manul::drawing {
namespace {

constexpr std::array<Color, 4> cat_eyes{
    {{0.45f, 0.68f, 0.30f}, {0.85f, 0.72f, 0.22f}, {0.38f, 0.62f, 0.80f}, {0.62f, 0.50f, 0.22f}}};
constexpr std::array<Color, 3> dog_eyes{
    {{0.30f, 0.18f, 0.10f}, {0.45f, 0.28f, 0.12f}, {0.40f, 0.60f, 0.78f}}};
constexpr Color pink{0.92f, 0.62f, 0.62f}, ink{0.10f, 0.08f, 0.09f}, white{0.98f, 0.97f, 0.95f};

constexpr std::array<Pattern, 6> patterns{Pattern::plain,   Pattern::plain,  Pattern::striped,
                                          Pattern::patched, Pattern::masked, Pattern::striped};

/// Fur lit from above, darker towards the edge of its shape.
auto shade(Color color, float depth) {
  return [=](Point p, float distance) {
    float rim = std::clamp(-distance / (0.25f * depth), 0.f, 1.f);
    return scaled(color, (0.80f + 0.20f * rim) * (1.04f - 0.10f * p.y));
  };
}

/// One animal on its canvas. Heads have a radius of about 1 and look out of the picture.
class Painter {
 public:
  Painter(Canvas& canvas, const Looks& looks, Dice& dice) : canvas_(canvas), looks_(looks), dice_(dice) {}

  void cat(const Frame& body, bool sitting) {
    if (sitting) {
      float side = dice_.around(1.5f, 0.3f);
      stroke_fur(body, {0.5f, 2.9f}, {side + 0.9f, 3.0f}, {side, dice_.between(0.9f, 1.9f)}, 0.17f, 0.12f);
      torso(body, 0.78f * looks_.width);
    }
    Frame head = head_frame(body);
    cat_ears(head);
    fur(head, ellipse({0, 0}, looks_.width, 0.85f));
    markings(head);
    for (float side : {-1.f, 1.f})
      canvas_.fill(head, ellipse({side * 0.22f, 0.40f}, 0.28f, 0.21f), looks_.light, 0.9f);
    canvas_.fill(head, ellipse({0, 0.58f}, 0.2f, 0.12f), looks_.light, 0.9f);
    for (float side : {-1.f, 1.f})
      eye(head, {side * 0.42f, -0.08f}, 0.21f, 0.17f, side * 0.15f, looks_.pupil * 0.13f);
    canvas_.fill(head, triangle({-0.09f, 0.22f}, {0.09f, 0.22f}, {0, 0.31f}, 0.03f),
                 mix(pink, looks_.dark, 0.2f));
    mouth(head, 0.32f, 0.13f);
    whiskers(head);
  }

  void dog(const Frame& body, bool sitting) {
    if (sitting) {
      float side = dice_.around(1.2f, 0.25f);
      stroke_fur(body, {0.6f, 2.8f}, {side, 2.7f}, {side + 0.35f, dice_.between(1.7f, 2.4f)}, 0.22f, 0.1f);
      torso(body, 0.9f * looks_.width);
    }
    Frame head = head_frame(body);
    float snout = dice_.around(0.46f, 0.06f);
    if (looks_.pointed_ears) cat_ears(head);
    fur(head, ellipse({0, -0.05f}, 0.88f * looks_.width, 0.9f));
    markings(head);
    if (!looks_.pointed_ears) floppy_ears(head);
    if (looks_.has_tongue) {
      canvas_.fill(head, ellipse({looks_.gaze, 0.86f}, 0.15f, 0.26f), scaled(pink, 0.95f));
      canvas_.fill(head,
                   stroke({looks_.gaze, 0.7f}, {looks_.gaze, 0.8f}, {looks_.gaze, 0.95f}, 0.015f, 0.01f),
                   scaled(pink, 0.7f));
    }
    canvas_.fill(head, ellipse({0, 0.42f}, snout, 0.38f), shade(looks_.light, 0.42f), 0.95f);
    for (float side : {-1.f, 1.f}) eye(head, {side * 0.36f, -0.16f}, 0.15f, 0.15f, 0, looks_.pupil * 0.14f);
    canvas_.fill(head, ellipse({0, 0.24f}, 0.19f, 0.13f), ink);
    canvas_.fill(head, ellipse({-0.05f, 0.19f}, 0.05f, 0.03f), white, 0.6f);
    mouth(head, 0.36f, 0.2f);
  }

 private:
  template <class Distance>
  void fur(const Frame& frame, const Shape<Distance>& shape) {
    canvas_.fill(frame, shape, shade(looks_.fur, 1));
  }
  void stroke_fur(const Frame& frame, Point a, Point b, Point c, float start, float end) {
    canvas_.fill(frame, stroke(a, b, c, start, end), shade(mix(looks_.fur, looks_.dark, 0.25f), 0.4f));
  }

  Frame head_frame(const Frame& body) {
    return body.moved({dice_.around(0, 0.15f), 0}, 1, dice_.around(0, 0.2f));
  }

  void torso(const Frame& frame, float width) {
    fur(frame, ellipse({0, 2.0f}, width, 1.15f));
    canvas_.fill(frame, ellipse({0, 1.8f}, 0.5f * width, 0.8f), shade(looks_.light, 1), 0.7f, 6);
    if (looks_.pattern == Pattern::striped)
      for (float y : {1.5f, 1.9f, 2.3f})
        for (float side : {-1.f, 1.f})
          canvas_.fill(
              frame,
              stroke({side * width * 0.95f, y}, {side * 0.6f, y + 0.1f}, {side * 0.4f, y}, 0.07f, 0.02f),
              looks_.dark, 0.8f);
    for (float side : {-1.f, 1.f}) {
      fur(frame, ellipse({side * 0.75f * width, 2.75f}, 0.42f, 0.42f));
      stroke_fur(frame, {side * 0.28f, 2.0f}, {side * 0.32f, 2.5f}, {side * 0.3f, 3.0f}, 0.2f, 0.18f);
      canvas_.fill(frame, ellipse({side * 0.32f, 3.08f}, 0.25f, 0.16f), shade(looks_.light, 0.3f));
    }
    if (looks_.has_collar) {
      canvas_.fill(frame, stroke({-0.55f, 0.85f}, {0, 1.15f}, {0.55f, 0.85f}, 0.1f, 0.1f), looks_.collar);
      canvas_.fill(frame, ellipse({0, 1.12f}, 0.11f, 0.11f), Color{0.95f, 0.82f, 0.35f});
    }
  }

  void cat_ears(const Frame& head) {
    float up = 1.38f * looks_.ear, out = dice_.between(0.6f, 0.85f);
    for (float side : {-1.f, 1.f}) {
      Point outer{side * 0.92f * looks_.width, -0.25f}, inner{side * 0.22f, -0.75f}, tip{side * out, -up};
      if (!looks_.pointed_ears) tip = {side * 0.8f, -0.82f};
      canvas_.fill(head, triangle(outer, inner, tip, 0.06f), shade(mix(looks_.fur, looks_.dark, 0.3f), 0.5f));
      Point center = (1 / 3.f) * (outer + inner + tip);
      auto inside = [&](Point p) { return center + 0.55f * (p - center); };
      canvas_.fill(head, triangle(inside(outer), inside(inner), inside(tip), 0.03f),
                   mix(pink, looks_.dark, 0.25f), 0.9f);
    }
  }

  void floppy_ears(const Frame& head) {
    float tilt = dice_.between(0.1f, 0.5f), longer = 0.62f * looks_.ear;
    for (float side : {-1.f, 1.f})
      canvas_.fill(
          head,
          ellipse({side * 0.86f * looks_.width, dice_.around(-0.12f, 0.06f)}, 0.27f, longer, -side * tilt),
          shade(looks_.dark, 0.6f));
  }

  void markings(const Frame& head) {
    switch (looks_.pattern) {
      case Pattern::plain:
        break;
      case Pattern::striped:
        for (float x : {-0.25f, 0.f, 0.25f})
          canvas_.fill(head, stroke({x, -0.8f}, {x * 0.9f, -0.6f}, {x * 0.7f, -0.4f}, 0.05f, 0.02f),
                       looks_.dark, 0.85f);
        for (float side : {-1.f, 1.f})
          for (float y : {0.05f, 0.25f})
            canvas_.fill(head,
                         stroke({side * 0.92f, y}, {side * 0.8f, y + 0.05f}, {side * 0.65f, y}, 0.05f, 0.02f),
                         looks_.dark, 0.85f);
        break;
      case Pattern::patched: {
        float side = dice_.chance(0.5f) ? 1.f : -1.f;
        canvas_.fill(head, ellipse({side * 0.42f, -0.2f}, 0.38f, 0.42f, side * 0.4f), looks_.dark, 0.9f, 3);
        break;
      }
      case Pattern::masked:
        canvas_.fill(head, ellipse({0, 0.3f}, 0.62f, 0.5f), looks_.light, 0.8f, 5);
        canvas_.fill(head, stroke({0, -0.8f}, {0, -0.4f}, {0, 0.1f}, 0.05f, 0.14f), looks_.light, 0.8f, 3);
    }
  }

  void eye(const Frame& head, Point center, float rx, float ry, float tilt, float pupil) {
    canvas_.fill(head, ellipse(center, rx + 0.035f, ry + 0.035f, tilt), scaled(looks_.dark, 0.4f));
    canvas_.fill(head, ellipse(center, rx, ry, tilt), looks_.eye);
    Point at = center + Point{looks_.gaze, 0.01f};
    canvas_.fill(head, ellipse(at, pupil, ry * 0.9f), ink);
    canvas_.fill(head, ellipse(at + Point{-0.05f, -0.06f}, 0.04f, 0.04f), white);
  }

  void mouth(const Frame& head, float y, float width) {
    Color color = scaled(looks_.dark, 0.45f);
    canvas_.fill(head, stroke({0, y}, {0, y + 0.08f}, {0, y + 0.14f}, 0.018f, 0.018f), color);
    for (float side : {-1.f, 1.f})
      canvas_.fill(head,
                   stroke({0, y + 0.14f}, {side * width * 0.6f, y + 0.26f}, {side * width * 1.3f, y + 0.12f},
                          0.02f, 0.012f),
                   color);
  }

  void whiskers(const Frame& head) {
    Color color = mix(white, looks_.dark, 0.15f);
    for (float side : {-1.f, 1.f})
      for (float k : {-1.f, 0.f, 1.f})
        canvas_.fill(head,
                     stroke({side * 0.3f, 0.38f + 0.06f * k}, {side * 0.8f, 0.34f + 0.1f * k},
                            {side * dice_.between(1.15f, 1.4f), 0.36f + 0.2f * k}, 0.014f, 0.006f),
                     color, 0.8f);
  }

  Canvas& canvas_;
  const Looks& looks_;
  Dice& dice_;
};

}  // namespace

Looks::Looks(SyntheticAnimal animal, Dice& dice) {
  bool cat = animal == SyntheticAnimal::cat;
  fur = scaled(dice.one_of(fur_colors), dice.around(1, 0.15f));
  dark = scaled(fur, dice.between(0.45f, 0.7f));
  light = mix(fur, white, dice.between(0.35f, 0.85f));
  eye = cat ? dice.one_of(cat_eyes) : dice.one_of(dog_eyes);
  collar = dice.one_of(bright_colors);
  pattern = dice.one_of(patterns);
  pointed_ears = dice.chance(cat ? 0.92f : 0.2f);
  has_collar = dice.chance(cat ? 0.25f : 0.5f);
  has_tongue = !cat && dice.chance(0.5f);
  ear = dice.around(1, 0.2f);
  width = dice.around(1, 0.1f);
  pupil = cat ? dice.between(0.3f, 0.9f) : dice.between(0.6f, 0.9f);
  gaze = dice.around(0, 0.05f);
}

void paint_animal(Canvas& canvas, SyntheticAnimal animal, const Looks& looks, const Frame& body, bool sitting,
                  Dice& dice) {
  Painter painter(canvas, looks, dice);
  if (animal == SyntheticAnimal::cat) {
    painter.cat(body, sitting);
  } else {
    painter.dog(body, sitting);
  }
}

}  // namespace manul::drawing
