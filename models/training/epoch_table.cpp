#include "manul/models/training/epoch_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace manul {
namespace {

std::string label(int64_t epoch, int64_t epochs) {
  return fmt::format("Epoch {}/{}", epoch, epochs);
}

constexpr size_t columns_of_a_line = 80;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  size_t at = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', at)) {
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  lines.push_back(text.substr(at));
  return lines;
}

/// A name in lines of at most twelve characters, or of one word: "val_binary_", "accuracy".
std::string broken(const std::string& name) {
  constexpr size_t most = 12;
  std::string text, line;
  for (size_t at = 0; at < name.size();) {
    size_t end = std::min(name.find('_', at), name.size() - 1) + 1;
    if (!line.empty() && line.size() + end - at > most) text += std::exchange(line, "") + "\n";
    line += name.substr(at, end - at);
    at = end;
  }
  return text + line;
}

/// Of the longest line, and of a number.
size_t width_of(const std::string& name) {
  size_t width = 6;
  for (const std::string& line : lines_of(name)) width = std::max(width, line.size());
  return width;
}

/// Four digits after the point, or four in all of a number that is out of all proportion.
std::string number_text(double value) {
  return std::abs(value) < 1e5 ? fmt::format("{:.4f}", value) : fmt::format("{:.4g}", value);
}

}  // namespace

std::string logs_text(const Logs& logs) {
  std::string text;
  for (const auto& [name, value] : logs)
    text += fmt::format("{}{} {}", text.empty() ? "" : " ", name, number_text(value));
  return text;
}

EpochTable::EpochTable(int64_t epochs, const Logs& logs, const std::string& unit)
    : epochs_(epochs), label_width_(label(epochs, epochs).size()) {
  columns_ = {{"seconds", 8}, {unit + "/s", 10}};
  size_t width = label_width_ + 22;
  for (const auto& [name, value] : logs) {
    columns_.push_back({name, width_of(name)});
    width += 2 + width_of(name);
  }
  if (width > columns_of_a_line)
    for (size_t i = 2; i < columns_.size(); ++i) columns_[i].width = width_of(broken(columns_[i].name));
  heading_ = heading_lines();
}

/// Line by line of the table: the names of its columns, whose last pieces stand beside each other.
std::string EpochTable::heading_lines() const {
  std::string text;
  for (size_t first = 0; first < columns_.size(); first = end_of_line(first)) {
    size_t end = end_of_line(first), most = 1;
    std::vector<std::vector<std::string>> names;
    for (size_t i = first; i < end; ++i) {
      const Column& column = columns_[i];
      names.push_back(lines_of(column.name.size() > column.width ? broken(column.name) : column.name));
      most = std::max(most, names.back().size());
    }
    for (size_t line = 0; line < most; ++line) {
      text += (text.empty() ? "" : "\n") + std::string(label_width_, ' ');
      for (size_t i = first; i < end; ++i) {
        const std::vector<std::string>& name = names[i - first];
        size_t above = most - name.size();
        text += fmt::format("  {:>{}}", line < above ? "" : name[line - above], columns_[i].width);
      }
    }
  }
  return text;
}

size_t EpochTable::end_of_line(size_t first) const {
  size_t width = label_width_, end = first;
  while (end < columns_.size() && (end == first || width + 2 + columns_[end].width <= columns_of_a_line))
    width += 2 + columns_[end++].width;
  return end;
}

std::string EpochTable::row(int64_t epoch, double seconds, double per_second, const Logs& logs) const {
  std::vector<std::string> cells{fmt::format("{:.2f}", seconds), fmt::format("{:.0f}", per_second)};
  for (const auto& [name, value] : logs) cells.push_back(number_text(value));
  std::string text;
  for (size_t first = 0; first < columns_.size(); first = end_of_line(first)) {
    text += fmt::format("{}{:<{}}", first == 0 ? "" : "\n", first == 0 ? label(epoch + 1, epochs_) : "",
                        label_width_);
    for (size_t i = first; i < end_of_line(first); ++i)
      text += fmt::format("  {:>{}}", cells[i], columns_[i].width);
  }
  return text;
}

}  // namespace manul
