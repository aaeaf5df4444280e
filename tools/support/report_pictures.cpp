#include "manul/tools/support/report_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "manul/data/image/drawing.h"
#include "manul/data/image/image_io.h"
#include "manul/framework/error.h"

namespace manul {
namespace {

constexpr Color black{34, 34, 34}, gray{200, 200, 200}, blue{31, 119, 180}, orange{230, 110, 0},
    green{30, 130, 50}, red{190, 30, 30};
constexpr int side = 128, strip = 18, tiles_a_row = 8;

/// A name that is drawn in `width` pixels at most.
std::string fitted(std::string text, size_t most) {
  if (text.size() > most) text = text.substr(0, most > 2 ? most - 2 : 0) + "..";
  return text;
}

/// The range of some curves, with room at the ends.
struct Range {
  double low = 0, high = 1;
  double part(double value) const { return (value - low) / (high - low); }
};

Range range_of(const std::vector<std::vector<double>>& curves) {
  Range range{1e300, -1e300};
  for (const auto& curve : curves)
    for (double value : curve)
      if (std::isfinite(value)) {
        range.low = std::min(range.low, value);
        range.high = std::max(range.high, value);
      }
  if (range.low > range.high) return {};
  double room = std::max(0.05 * (range.high - range.low), 1e-6 + 1e-6 * std::abs(range.high));
  return {range.low - room, range.high + room};
}

struct Panel {
  float left, top, width, height;
};

void draw_curve(Drawing& drawing, const Panel& panel, const Range& range, const std::vector<double>& curve,
                Color color) {
  auto x = [&](size_t i) {
    double last = curve.size() > 1 ? static_cast<double>(curve.size() - 1) : 1.0;
    return panel.left + panel.width * static_cast<float>(static_cast<double>(i) / last);
  };
  auto y = [&](double value) { return panel.top + panel.height * static_cast<float>(1 - range.part(value)); };
  for (size_t i = 0; i + 1 < curve.size(); ++i)
    if (std::isfinite(curve[i]) && std::isfinite(curve[i + 1]))
      drawing.line(x(i), y(curve[i]), x(i + 1), y(curve[i + 1]), color, 2);
  if (curve.size() == 1 && std::isfinite(curve[0])) drawing.box(x(0) - 2, y(curve[0]) - 2, 5, 5, color);
}

void draw_panel(Drawing& drawing, const Panel& panel, const std::string& name, const History& history,
                size_t best) {
  std::vector<std::vector<double>> curves{history[name]};
  bool validated = find_log(history.epochs().back(), "val_" + name) != nullptr;
  if (validated) curves.push_back(history["val_" + name]);
  Range range = range_of(curves);
  constexpr int lines = 4;
  for (int i = 0; i <= lines; ++i) {
    float y = panel.top + panel.height * static_cast<float>(i) / lines;
    drawing.line(panel.left, y, panel.left + panel.width, y, gray);
    drawing.text(panel.left - 6, y, fmt::format("{:.4g}", range.high - (range.high - range.low) * i / lines),
                 black, 10, TextAnchor::right);
  }
  size_t epochs = history.epochs().size();
  if (epochs > 1) {
    float x = panel.left + panel.width * static_cast<float>(best) / static_cast<float>(epochs - 1);
    drawing.line(x, panel.top, x, panel.top + panel.height, gray, 2);
  }
  draw_curve(drawing, panel, range, curves[0], blue);
  if (validated) draw_curve(drawing, panel, range, curves[1], orange);
  float below = panel.top + panel.height + 14;
  drawing.text(panel.left, below, "epoch 1", black, 10);
  if (epochs > 1)
    drawing.text(panel.left + panel.width, below, std::to_string(epochs), black, 10, TextAnchor::right);
  drawing.text(panel.left, panel.top - 16, name, black, 14);
  drawing.text(panel.left + panel.width, panel.top - 16, validated ? "validation" : "training",
               validated ? orange : blue, 12, TextAnchor::right);
  if (validated)
    drawing.text(panel.left + panel.width - 90, panel.top - 16, "training", blue, 12, TextAnchor::right);
}

void draw_matrix(Drawing& drawing, float left, float top, float cell, const Evaluation& evaluation,
                 bool parts) {
  size_t classes = evaluation.classes();
  for (size_t label = 0; label < classes; ++label) {
    auto pictures = static_cast<double>(std::max<int64_t>(evaluation.pictures_of(label), 1));
    for (size_t answer = 0; answer < classes; ++answer) {
      double part = static_cast<double>(evaluation.count(label, answer)) / pictures;
      auto fade = [&](int full) { return static_cast<uint8_t>(std::lround(255 - part * (255 - full))); };
      float x = left + cell * static_cast<float>(answer), y = top + cell * static_cast<float>(label);
      drawing.box(x, y, cell - 1, cell - 1, {fade(31), fade(90), fade(160)});
      std::string text =
          parts ? fmt::format("{:.2f}", part) : fmt::format("{}", evaluation.count(label, answer));
      if (cell > 28)
        drawing.text(x + cell / 2, y + cell / 2, text, part > 0.5 ? Color{255, 255, 255} : black, 12,
                     TextAnchor::middle);
    }
    std::string name = fitted(evaluation.class_names()[label], 14);
    drawing.text(left - 6, top + cell * (static_cast<float>(label) + 0.5f), name, black, 11,
                 TextAnchor::right);
    drawing.text(left + cell * (static_cast<float>(label) + 0.5f), top - 10,
                 fitted(name, static_cast<size_t>(cell / 7)), black, 11, TextAnchor::middle);
  }
}

/// A picture of the network's size as RGB of the mosaic's; `scale` makes its values 0..255.
Image tile_of(const float* values, const Shape& sample, float scale) {
  Image small(static_cast<int>(sample[0]), static_cast<int>(sample[1]), 3), tile(side, side, 3);
  for (int64_t i = 0; i < sample[0] * sample[1]; ++i)
    for (int64_t c = 0; c < 3; ++c) {
      float value = values[i * sample[2] + (sample[2] == 1 ? 0 : c)] * scale;
      small.pixels[static_cast<size_t>(3 * i + c)] =
          static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L));
    }
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      std::copy_n(small.row(y * small.height / side) + size_t(x * small.width / side) * 3, 3,
                  tile.row(y) + size_t(x) * 3);
  return tile;
}

/// A class, labels that there are, or numbers.
std::string label_text(const ImageDataset& data, std::span<const double> labels) {
  if (data.columns().empty()) return data.class_names()[static_cast<size_t>(labels[0])];
  bool zero_or_one = std::all_of(labels.begin(), labels.end(), [](double x) { return x == 0 || x == 1; });
  std::string text;
  for (size_t i = 0; i < labels.size(); ++i) {
    std::string comma = text.empty() ? "" : ", ";
    if (!zero_or_one)
      text += fmt::format("{}{:.4g}", comma, labels[i]);
    else if (labels[i] == 1)
      text += comma + data.columns()[i];
  }
  return text.empty() ? "none" : text;
}

}  // namespace

Image curves_picture(const History& history, size_t best_epoch) {
  std::vector<std::string> names;
  for (const auto& [name, value] : history.epochs().front())
    if (!name.starts_with("val_")) names.push_back(name);
  constexpr int width = 500, height = 320;
  Drawing drawing(width * static_cast<int>(names.size()), height);
  for (size_t i = 0; i < names.size(); ++i)
    draw_panel(drawing, {static_cast<float>(width * static_cast<int>(i) + 70), 50, width - 100, height - 90},
               names[i], history, best_epoch);
  return drawing.finish();
}

Image confusion_picture(const Evaluation& evaluation) {
  auto classes = static_cast<float>(evaluation.classes());
  float cell = std::clamp(400 / classes, 4.0f, 100.0f), width = cell * classes, margin = 120, top = 60;
  Drawing drawing(static_cast<int>(2 * (width + margin) + 20), static_cast<int>(top + width + 20));
  drawing.text(margin, 20, "counts (rows: true)", black, 12);
  draw_matrix(drawing, margin, top, cell, evaluation, false);
  drawing.text(2 * margin + width, 20, "parts of each true class", black, 12);
  draw_matrix(drawing, 2 * margin + width, top, cell, evaluation, true);
  return drawing.finish();
}

Image mosaic(const std::vector<Tile>& tiles) {
  int columns = std::clamp(static_cast<int>(tiles.size()), 1, tiles_a_row);
  int rows = std::max(1, (static_cast<int>(tiles.size()) + columns - 1) / columns);
  Drawing drawing(columns * (side + 2), rows * (side + strip));
  for (size_t i = 0; i < tiles.size(); ++i) {
    int x = static_cast<int>(i) % columns * (side + 2), y = static_cast<int>(i) / columns * (side + strip);
    const Tile& tile = tiles[i];
    drawing.paste(tile.picture, x, y);
    Color color = tile.mood == Tile::Mood::good ? green : tile.mood == Tile::Mood::bad ? red : black;
    drawing.text(static_cast<float>(x) + 2, static_cast<float>(y + side + strip / 2), fitted(tile.text, 21),
                 color, 8);
  }
  return drawing.finish();
}

std::vector<Tile> training_tiles(ImageDataset& data, int64_t epoch, uint64_t seed, bool shuffle) {
  constexpr int64_t most = 32;
  int64_t count = std::min(most, data.size());
  const Device device = data.device();
  Shape sample = data.sample_shape();
  DeviceStepState state(device);
  state.write({.epoch = epoch, .seed = seed});
  data.begin_epoch(epoch, seed, shuffle);
  data.prepare_batch(0, count);
  Batch batch = data.spec().empty_batch(count, device);
  data.next_batch(state, batch);
  std::vector<float> values = batch.inputs[0].to_vector<float>();
  std::vector<double> labels = batch.labels[0].to(DType::f64).to_vector<double>();
  size_t columns = labels.size() / static_cast<size_t>(count);
  float scale = data.rescale() != 0 ? 1 / data.rescale() : 1;
  std::vector<Tile> tiles;
  for (int64_t i = 0; i < count; ++i)
    tiles.push_back({tile_of(values.data() + i * sample.elements(), sample, scale),
                     label_text(data, std::span(labels).subspan(static_cast<size_t>(i) * columns, columns)),
                     Tile::Mood::neutral});
  return tiles;
}

namespace {

struct AnswerText {
  std::string text;
  Tile::Mood mood;
};

AnswerText answer_text(const Evaluation& evaluation, size_t place) {
  const Evaluation::Sample& sample = evaluation.samples()[place];
  const std::vector<std::string>& names = evaluation.class_names();
  bool right = sample.answer == static_cast<size_t>(sample.label);
  std::string text = fmt::format("{} {:.2f}", names[sample.answer], sample.probability);
  if (!right) text += fmt::format(" not {}", names[static_cast<size_t>(sample.label)]);
  return {text, right ? Tile::Mood::good : Tile::Mood::bad};
}

/// "12.1 not 13", or the labels that are wrong: "no cat, dog".
AnswerText answer_text(const TableEvaluation& evaluation, size_t place) {
  std::span<const float> truth = evaluation.truth(place), answer = evaluation.answer(place);
  std::string text;
  for (size_t i = 0; i < truth.size(); ++i) {
    std::string comma = text.empty() ? "" : ", ";
    if (evaluation.task() == Task::regress)
      text += fmt::format("{}{:.4g} ({:.4g})", comma, answer[i], truth[i]);
    else if ((truth[i] >= 0.5f) != (answer[i] >= 0.5f))
      text += comma + (answer[i] >= 0.5f ? "" : "no ") + evaluation.columns()[i];
  }
  if (evaluation.task() == Task::regress) return {text, Tile::Mood::neutral};
  return {text.empty() ? "all right" : text, text.empty() ? Tile::Mood::good : Tile::Mood::bad};
}

}  // namespace

std::vector<Tile> answer_tiles(const std::vector<PictureFile>& files, const AnyEvaluation& evaluation,
                               const std::vector<size_t>& places) {
  std::vector<Tile> tiles;
  for (size_t place : places) {
    auto [text, mood] = std::visit([&](const auto& each) { return answer_text(each, place); }, evaluation);
    try {
      tiles.push_back(
          {load_image(
               files[place],
               {.height = side, .width = side, .interpolation = Interpolation::bilinear, .tolerant = true}),
           text, mood});
    } catch (const Error&) {  // gone since it was read
    }
  }
  return tiles;
}

namespace {

/// Which answer is worth looking into: the class that was answered, or the label or number that is most
/// wrong.
size_t answer_to_explain(const AnyEvaluation& evaluation, size_t place) {
  if (const auto* classes = std::get_if<Evaluation>(&evaluation)) return classes->samples()[place].answer;
  const auto& table = std::get<TableEvaluation>(evaluation);
  size_t worst = 0;
  auto error = [&](size_t i) { return std::abs(table.truth(place)[i] - table.answer(place)[i]); };
  for (size_t i = 1; i < table.columns().size(); ++i)
    if (error(i) > error(worst)) worst = i;
  return worst;
}

}  // namespace

std::vector<Tile> explained_tiles(const std::vector<PictureFile>& files, const AnyEvaluation& evaluation,
                                  const std::vector<size_t>& places, const ExplainTile& explain) {
  std::vector<Tile> tiles;
  for (size_t place : places) {
    auto [text, mood] = std::visit([&](const auto& each) { return answer_text(each, place); }, evaluation);
    size_t answer = answer_to_explain(evaluation, place);
    std::vector<std::string> names = std::visit(
        [](const auto& each) -> const std::vector<std::string>& {
          if constexpr (requires { each.class_names(); })
            return each.class_names();
          else
            return each.columns();
        },
        evaluation);
    try {
      ExplainedPicture shown = explain(files[place], answer, side);
      tiles.push_back({std::move(shown.picture), text, mood});
      tiles.push_back({std::move(shown.overlay), "for " + names[answer], Tile::Mood::neutral});
    } catch (const Error&) {  // gone since it was read
    }
  }
  return tiles;
}

std::vector<size_t> spread_places(size_t all, size_t most) {
  size_t count = std::min(most, all);
  std::vector<size_t> places;
  for (size_t i = 0; i < count; ++i) places.push_back(i * all / count);
  return places;
}

namespace {

/// The places of all wrong answers, and how bad each is.
std::vector<std::pair<double, size_t>> mistakes_of(const Evaluation& evaluation) {
  std::vector<std::pair<double, size_t>> mistakes;
  for (size_t i = 0; i < evaluation.samples().size(); ++i)
    if (const auto& sample = evaluation.samples()[i]; sample.answer != static_cast<size_t>(sample.label))
      mistakes.emplace_back(sample.probability, i);
  return mistakes;
}

std::vector<std::pair<double, size_t>> mistakes_of(const TableEvaluation& evaluation) {
  std::vector<std::pair<double, size_t>> mistakes;
  for (size_t i = 0; i < static_cast<size_t>(evaluation.size()); ++i) {
    bool wrong = evaluation.task() == Task::regress || answer_text(evaluation, i).mood == Tile::Mood::bad;
    if (wrong) mistakes.emplace_back(evaluation.error_of(i), i);
  }
  return mistakes;
}

}  // namespace

std::vector<size_t> worst_places(const AnyEvaluation& evaluation, size_t most) {
  auto mistakes = std::visit([](const auto& each) { return mistakes_of(each); }, evaluation);
  std::stable_sort(mistakes.begin(), mistakes.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  if (mistakes.size() > most) mistakes.resize(most);
  std::vector<size_t> places;
  for (const auto& [badness, place] : mistakes) places.push_back(place);
  return places;
}

}  // namespace manul
