#include "manul/tools/support/graph_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace manul {
namespace {

constexpr int box_width = 330, box_height = 30, distance = 48, top = 4, left = 4;

std::string xml(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '<' || c == '>' || c == '&' || c == '"')
      result += fmt::format("&#{};", static_cast<int>(c));
    else
      result += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  return result;
}

std::string shape_text(const Shape& shape) {
  std::string text;
  for (int64_t length : shape) text += fmt::format("{}{}", text.empty() ? "" : " x ", length);
  return text;
}

/// Arcs that reach further lie further outside.
int depth_of_arc(int from, int to, int longest) {
  constexpr int nearest = 16, furthest = 120;
  return nearest + (furthest - nearest) * (to - from) / std::max(longest, 2);
}

}  // namespace

std::string graph_svg(const Graph& nested) {
  Graph graph = nested.flat();
  std::vector<int> row(graph.nodes().size());  // by node: that of the first value of its call
  int rows = 0, longest = 0;
  for (size_t i = 0; i < graph.nodes().size(); ++i)
    row[i] = graph.nodes()[i].output > 0 ? row[i - 1] : rows++;
  std::string boxes, lines;
  for (size_t i = 0; i < graph.nodes().size(); ++i)
    for (int input : graph.nodes()[i].inputs)
      longest = std::max(longest, row[i] - row[static_cast<size_t>(input)]);
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const GraphNode& node = graph.nodes()[i];
    if (node.output > 0) continue;
    const Layer& layer = *graph.layers()[static_cast<size_t>(node.layer)];
    int y = top + distance * row[i];
    boxes += fmt::format(
        "<rect x={0} y={1} width={2} height={3} rx=4 fill=none stroke=\"var(--{4})\"/><text x={5} "
        "y={6}>{7}</text>"
        "<text x={8} y={6} text-anchor=end>{9}</text>\n",
        left, y, box_width, box_height, layer.parameters().empty() ? "line" : "blue", left + 8, y + 19,
        xml(layer.class_name() + "  " + layer.name()), left + box_width - 8, shape_text(node.shape));
    for (int input : node.inputs) {
      int from = row[static_cast<size_t>(input)], below = top + distance * from + box_height;
      if (row[i] == from + 1) {
        lines +=
            fmt::format("<path stroke=\"var(--soft)\" d=\"M{} {}V{}\"/>\n", left + box_width / 2, below, y);
        continue;
      }
      int x = left + box_width, out = x + depth_of_arc(from, row[i], longest);
      lines +=
          fmt::format("<path fill=none stroke=\"var(--orange)\" d=\"M{0} {1}C{2} {1} {2} {3} {0} {3}\"/>\n",
                      x, below - box_height / 2, out, y + box_height / 2);
    }
  }
  int width = left + box_width + (longest > 1 ? 110 : 4), height = top + distance * rows;
  std::string svg = fmt::format(
      "<div class=wide><svg class=graph width={0} height={1} viewBox=\"0 0 {0} {1}\" role=img "
      "aria-label=\"The layers and how "
      "they are connected\">\n{2}{3}</svg></div>\n",
      width, height, lines, boxes);
  constexpr int many = 30;
  return fmt::format("<details{}><summary>Drawing</summary>{}</details>\n", rows > many ? "" : " open", svg);
}

}  // namespace manul
