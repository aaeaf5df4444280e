#include "manul/tools/support/explanation.h"

#include <algorithm>
#include <cmath>

#include "manul/data/image/image_io.h"
#include "manul/data/image/resize.h"
#include "manul/framework/error.h"

namespace manul {
namespace {

/// Where a pixel's middle lies between the places of a map: the two beside it, and how far from the first.
struct CellNeighbours {
  int first, second;
  float part;
};

CellNeighbours place_of(int pixel, int pixels, int places) {
  float at =
      (static_cast<float>(pixel) + 0.5F) * static_cast<float>(places) / static_cast<float>(pixels) - 0.5F;
  at = std::clamp(at, 0.0F, static_cast<float>(places - 1));
  int first = static_cast<int>(at);
  return {first, std::min(first + 1, places - 1), at - static_cast<float>(first)};
}

/// Blue, cyan, yellow, red at equal distances.
std::array<float, 3> color_of(float heat) {
  constexpr float colors[4][3] = {{30, 60, 220}, {30, 200, 220}, {250, 220, 40}, {220, 30, 20}};
  float at = std::clamp(heat, 0.0F, 1.0F) * 3;
  int below = std::min(static_cast<int>(at), 2);
  std::array<float, 3> color{};
  for (size_t c = 0; c < 3; ++c)
    color[c] = std::lerp(colors[below][c], colors[below + 1][c], at - static_cast<float>(below));
  return color;
}

}  // namespace

Tensor picks_of(Task task, int64_t outputs, const std::vector<size_t>& answers) {
  Tensor picks = Tensor::zeros({static_cast<int64_t>(answers.size()), outputs});
  auto* values = picks.mutable_data<float>();
  for (size_t i = 0; i < answers.size(); ++i) {
    bool two_of_one = task == Task::classify && outputs == 1;
    size_t unit = two_of_one ? 0 : answers[i];
    check(unit < static_cast<size_t>(outputs), "explain: there is no output {}", unit);
    values[i * static_cast<size_t>(outputs) + unit] = two_of_one && answers[i] == 0 ? -1.0F : 1.0F;
  }
  return picks;
}

Image explained(const Image& picture, const ActivationMap& map, size_t sample) {
  check(picture.channels == 3 && picture.pixels16.empty(), "explained: the picture has {} channels, not 3",
        picture.channels);
  int rows = static_cast<int>(map.values.shape()[1]), columns = static_cast<int>(map.values.shape()[2]);
  const float* heat = map.values.data<float>() + sample * static_cast<size_t>(rows) * columns;
  float most = *std::max_element(heat, heat + rows * columns);
  Image shown(picture.height, picture.width, 3);
  for (int y = 0; y < picture.height; ++y) {
    CellNeighbours row = place_of(y, picture.height, rows);
    for (int x = 0; x < picture.width; ++x) {
      CellNeighbours column = place_of(x, picture.width, columns);
      auto line = [&](int at) {
        return std::lerp(heat[at * columns + column.first], heat[at * columns + column.second], column.part);
      };
      float value =
          most > 0 ? std::max(0.0F, std::lerp(line(row.first), line(row.second), row.part)) / most : 0;
      const uint8_t* from = picture.row(y) + size_t{3} * x;
      float gray = 0.299F * from[0] + 0.587F * from[1] + 0.114F * from[2];
      std::array<float, 3> color = color_of(value);
      float cover = 0.65F * std::sqrt(value);
      for (size_t c = 0; c < 3; ++c)
        shown.row(y)[size_t{3} * x + c] = static_cast<uint8_t>(std::lerp(0.8F * gray, color[c], cover));
    }
  }
  return shown;
}

namespace {

/// The size in which a picture is shown: its own form, of which a network that keeps proportions sees the
/// middle.
std::pair<int, int> shown_size(const Image& whole, const ImageOptions& seen) {
  constexpr double shortest = 256, longest = 512;
  double height = whole.height, width = whole.width;
  if (seen.keep_aspect_ratio) {
    double part = std::min(height / seen.height, width / seen.width);
    height = part * seen.height;
    width = part * seen.width;
  }
  double side = std::max(height, width), scale = std::clamp(side, shortest, longest) / side;
  return {std::max(1, static_cast<int>(std::lround(height * scale))),
          std::max(1, static_cast<int>(std::lround(width * scale)))};
}

}  // namespace

ExplainedPicture explain_picture(const Seeing& seeing, const PictureFile& file, size_t answer, int side) {
  const Graph& graph = seeing.model.graph();
  int64_t outputs = graph.nodes()[static_cast<size_t>(graph.outputs()[seeing.output])].shape[0];
  ActivationMap map = activation_map(seeing.model, to_tensor(load_image(file, seeing.picture), seeing.scale),
                                     picks_of(seeing.task, outputs, {answer}), seeing.output);
  Image whole = load_image(
      file, {.exif_orientation = seeing.picture.exif_orientation, .tolerant = seeing.picture.tolerant});
  auto [height, width] = side > 0 ? std::pair(side, side) : shown_size(whole, seeing.picture);
  Image shown = resize(std::move(whole), {.height = height,
                                          .width = width,
                                          .interpolation = Interpolation::bilinear,
                                          .keep_aspect_ratio = seeing.picture.keep_aspect_ratio});
  Image overlay = explained(shown, map);
  return {std::move(shown), std::move(overlay)};
}

Image beside(const std::vector<Image>& pictures) {
  int width = 0;
  for (const Image& each : pictures) width += each.width;
  Image all(pictures.at(0).height, width, 3);
  int left = 0;
  for (const Image& each : pictures) {
    check(each.height == all.height && each.channels == 3, "beside: the pictures are of different forms");
    for (int y = 0; y < all.height; ++y)
      std::copy_n(each.row(y), size_t{3} * each.width, all.row(y) + size_t{3} * left);
    left += each.width;
  }
  return all;
}

}  // namespace manul
