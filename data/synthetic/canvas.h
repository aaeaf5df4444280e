#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "manul/data/image/image.h"

// A small painter: shapes are signed distances, painted one over the other with smooth edges.
namespace manul::drawing {

struct Point {
  float x = 0, y = 0;
};
inline Point operator+(Point a, Point b) {
  return {a.x + b.x, a.y + b.y};
}
inline Point operator-(Point a, Point b) {
  return {a.x - b.x, a.y - b.y};
}
inline Point operator*(float k, Point a) {
  return {k * a.x, k * a.y};
}
inline float dot(Point a, Point b) {
  return a.x * b.x + a.y * b.y;
}
inline float length(Point a) {
  return std::sqrt(dot(a, a));
}

/// Red, green and blue, 0 to 1.
struct Color {
  float red = 0, green = 0, blue = 0;
};
inline Color mix(Color a, Color b, float t) {
  return {a.red + t * (b.red - a.red), a.green + t * (b.green - a.green), a.blue + t * (b.blue - a.blue)};
}
inline Color scaled(Color a, float k) {
  return {a.red * k, a.green * k, a.blue * k};
}

/// Where a drawing's own coordinates (y down) lie in the picture: turned, scaled, perhaps mirrored, and
/// moved.
class Frame {
 public:
  /// `scale`: pixels a unit; `angle`: radians, clockwise.
  Frame(Point origin, float scale, float angle, bool mirrored)
      : origin_(origin),
        scale_(scale),
        cosine_(std::cos(angle)),
        sine_(std::sin(angle)),
        mirror_(mirrored ? -1.f : 1.f) {}

  float scale() const { return scale_; }
  Point to_pixels(Point p) const {
    float x = mirror_ * p.x;
    return origin_ + scale_ * Point{cosine_ * x - sine_ * p.y, sine_ * x + cosine_ * p.y};
  }
  Point from_pixels(Point p) const {
    Point q = (1 / scale_) * (p - origin_);
    return {mirror_ * (cosine_ * q.x + sine_ * q.y), cosine_ * q.y - sine_ * q.x};
  }
  /// The same place, turned and scaled about `origin` (in this frame's coordinates).
  Frame moved(Point origin, float scale, float angle) const {
    Frame result = *this;
    result.origin_ = to_pixels(origin);
    result.scale_ *= scale;
    float c = std::cos(mirror_ * angle), s = std::sin(mirror_ * angle);
    result.cosine_ = cosine_ * c - sine_ * s;
    result.sine_ = sine_ * c + cosine_ * s;
    return result;
  }

 private:
  Point origin_;
  float scale_, cosine_, sine_, mirror_;
};

/// A circle around a shape, to paint no more of the picture than needed, and its signed distance: negative
/// inside, in the frame's units.
template <class Distance>
struct Shape {
  Point center;
  float radius;
  Distance distance;
};
template <class Distance>
Shape(Point, float, Distance) -> Shape<Distance>;

/// An ellipse with half axes rx and ry, turned by `angle`.
inline auto ellipse(Point center, float rx, float ry, float angle = 0) {
  float c = std::cos(angle), s = std::sin(angle);
  return Shape{center, std::max(rx, ry), [=](Point p) {
                 Point q = p - center;
                 q = {c * q.x + s * q.y, c * q.y - s * q.x};
                 float k = length({q.x / rx, q.y / ry});
                 float slope = length({q.x / (rx * rx), q.y / (ry * ry)});
                 return slope < 1e-6f ? -std::min(rx, ry) : k * (k - 1) / slope;
               }};
}

/// A line from a to b whose half width goes from `start` to `end`.
inline float distance_to_line(Point p, Point a, Point b, float start, float end) {
  Point along = b - a;
  float t = std::clamp(dot(p - a, along) / std::max(dot(along, along), 1e-12f), 0.f, 1.f);
  return length(p - a - t * along) - (start + t * (end - start));
}

/// A curve from a by way of the control point b to c (quadratic Bezier), half width from `start` to `end`.
inline auto stroke(Point a, Point b, Point c, float start, float end) {
  Point center = 0.25f * (a + 2 * b + c);
  float radius =
      std::max({length(a - center), length(c - center), 0.5f * length(b - center)}) + std::max(start, end);
  return Shape{center, radius, [=](Point p) {
                 constexpr int pieces = 8;
                 float least = 1e9f;
                 Point from = a;
                 for (int i = 1; i <= pieces; ++i) {
                   float t = static_cast<float>(i) / pieces, u = 1 - t;
                   Point to = u * u * a + 2 * u * t * b + t * t * c;
                   float width = start + t * (end - start);
                   least = std::min(least, distance_to_line(p, from, to, width, width));
                   from = to;
                 }
                 return least;
               }};
}

/// A triangle with corners rounded by `rounding`.
inline auto triangle(Point a, Point b, Point c, float rounding) {
  Point center = (1 / 3.f) * (a + b + c);
  float radius = std::max({length(a - center), length(b - center), length(c - center)}) + rounding;
  return Shape{center, radius, [=](Point p) {
                 auto side = [p](Point u, Point v) {
                   return (v.x - u.x) * (p.y - u.y) - (v.y - u.y) * (p.x - u.x);
                 };
                 float ab = side(a, b), bc = side(b, c), ca = side(c, a);
                 bool inside = (ab >= 0 && bc >= 0 && ca >= 0) || (ab <= 0 && bc <= 0 && ca <= 0);
                 float edge = std::min({distance_to_line(p, a, b, 0, 0), distance_to_line(p, b, c, 0, 0),
                                        distance_to_line(p, c, a, 0, 0)});
                 return (inside ? -edge : edge) - rounding;
               }};
}

/// A square picture of floats, painted from back to front.
class Canvas {
 public:
  explicit Canvas(int size) : size_(size), pixels_(size_t(size) * size) {}

  int size() const { return size_; }
  Color& at(int x, int y) { return pixels_[size_t(y) * size_ + x]; }

  /// color(point in [0, 1]^2) everywhere.
  template <class Paint>
  void cover(Paint color) {
    for (int y = 0; y < size_; ++y)
      for (int x = 0; x < size_; ++x)
        at(x, y) = color(Point{(static_cast<float>(x) + 0.5f) / static_cast<float>(size_),
                               (static_cast<float>(y) + 0.5f) / static_cast<float>(size_)});
  }

  /// Paints color(point in the frame, distance) where the shape is, with `opacity` and an edge that fades
  /// over `softness` pixels.
  template <class Distance, class Paint>
  void fill(const Frame& frame, const Shape<Distance>& shape, Paint color, float opacity = 1,
            float softness = 1) {
    Point center = frame.to_pixels(shape.center);
    float reach = shape.radius * frame.scale() + softness;
    auto first = [&](float at) { return std::clamp(static_cast<int>(at - reach), 0, size_); };
    auto last = [&](float at) { return std::clamp(static_cast<int>(at + reach) + 2, 0, size_); };
    for (int y = first(center.y); y < last(center.y); ++y)
      for (int x = first(center.x); x < last(center.x); ++x) {
        Point p = frame.from_pixels({static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f});
        float distance = shape.distance(p);
        float coverage = std::clamp(0.5f - distance * frame.scale() / softness, 0.f, 1.f) * opacity;
        if (coverage > 0) at(x, y) = mix(at(x, y), color(p, distance), coverage);
      }
  }
  template <class Distance>
  void fill(const Frame& frame, const Shape<Distance>& shape, Color color, float opacity = 1,
            float softness = 1) {
    fill(
        frame, shape, [color](Point, float) { return color; }, opacity, softness);
  }

  /// Rounded to RGB bytes.
  Image image() const;

 private:
  int size_;
  std::vector<Color> pixels_;
};

}  // namespace manul::drawing
