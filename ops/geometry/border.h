#pragma once

#include <cstdint>

namespace manul {

/// Rows (or columns) before and behind a picture.
struct Border {
  int64_t before, behind;

  constexpr Border(int64_t both) : before(both), behind(both) {}
  constexpr Border(int64_t before, int64_t behind) : before(before), behind(behind) {}
  bool operator==(const Border&) const = default;
};

/// The four borders of a picture: `1`, `{rows, columns}` or `{{top, bottom}, {left, right}}`.
struct Borders2D {
  Border rows, columns;

  constexpr Borders2D(int64_t all) : rows(all), columns(all) {}
  constexpr Borders2D(Border rows, Border columns) : rows(rows), columns(columns) {}
  bool operator==(const Borders2D&) const = default;
};

}  // namespace manul
