#include <fmt/format.h>

#include <algorithm>

#include "manul/data/image/drawing.h"
#include "manul/tools/support/report_pictures.h"

namespace manul {
namespace {

constexpr int plot_side = 300, left = 60, top = 40;
constexpr Color ink{34, 34, 34}, pale{200, 200, 200}, dot{31, 119, 180};

void draw_column(Drawing& drawing, float x0, const TableEvaluation& evaluation, size_t column) {
  auto count = static_cast<size_t>(evaluation.size());
  float low = evaluation.truth(0)[column], high = low;
  for (size_t i = 0; i < count; ++i)
    for (float value : {evaluation.truth(i)[column], evaluation.answer(i)[column]}) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
  float room = std::max(0.05f * (high - low), 1e-6f);
  low -= room;
  high += room;
  auto x = [&](float truth) { return x0 + plot_side * (truth - low) / (high - low); };
  auto y = [&](float answer) { return top + plot_side * (1 - (answer - low) / (high - low)); };
  for (float value : {low, (low + high) / 2, high}) {
    drawing.line(x(low), y(value), x(high), y(value), pale);
    drawing.text(x0 - 6, y(value), fmt::format("{:.4g}", value), ink, 10, TextAnchor::right);
    drawing.text(x(value), top + plot_side + 14, fmt::format("{:.4g}", value), ink, 10, TextAnchor::middle);
  }
  drawing.line(x(low), y(low), x(high), y(high), pale, 2);
  for (size_t i = 0; i < count; ++i)
    drawing.box(x(evaluation.truth(i)[column]) - 1.5f, y(evaluation.answer(i)[column]) - 1.5f, 3, 3, dot);
  drawing.text(x0, 18, evaluation.columns()[column] + ": answers over truths", ink, 12);
}

}  // namespace

Image scatter_picture(const TableEvaluation& evaluation) {
  constexpr size_t most = 4;
  size_t columns = std::min(most, evaluation.columns().size());
  constexpr int width = left + plot_side + 20;
  Drawing drawing(width * static_cast<int>(columns), top + plot_side + 40);
  for (size_t i = 0; i < columns; ++i)
    draw_column(drawing, static_cast<float>(width * static_cast<int>(i) + left), evaluation, i);
  return drawing.finish();
}

}  // namespace manul
