#include "manul/tools/support/class_counts.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace manul {

std::vector<int64_t> class_counts(const std::vector<ImageFolder::File>& files, size_t classes) {
  std::vector<int64_t> counts(classes);
  for (const ImageFolder::File& file : files) ++counts[static_cast<size_t>(file.label)];
  return counts;
}

std::string counts_text(const std::vector<std::string>& class_names, const std::vector<int64_t>& counts) {
  constexpr size_t most_shown = 20;
  std::string text = fmt::format(
      "{} images in {} classes:", std::accumulate(counts.begin(), counts.end(), int64_t{0}), counts.size());
  if (counts.size() > most_shown) {
    auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    return text + fmt::format(" from {} ({}) to {} ({}) each", *least, class_names[least - counts.begin()],
                              *most, class_names[most - counts.begin()]);
  }
  for (size_t i = 0; i < counts.size(); ++i)
    text += fmt::format("{} {} {}", i > 0 ? "," : "", class_names[i], counts[i]);
  return text;
}

namespace {

constexpr size_t most_columns = 20;

std::string column_text(const ImageDataset& data, size_t column, Task task) {
  double low = data.row(0)[column], high = low, sum = 0;
  for (int64_t i = 0; i < data.size(); ++i) {
    double value = data.row(i)[column];
    low = std::min(low, value);
    high = std::max(high, value);
    sum += value;
  }
  if (task == Task::multilabel) return fmt::format("{} {:.0f}", data.columns()[column], sum);
  return fmt::format("{} {:.6g} to {:.6g}, mean {:.6g}", data.columns()[column], low, high,
                     sum / static_cast<double>(data.size()));
}

}  // namespace

std::string contents_text(const ImageDataset& data, Task task) {
  if (task == Task::classify)
    return counts_text(data.class_names(), class_counts(data.files(), data.class_names().size()));
  size_t columns = data.columns().size();
  std::string text = fmt::format("{} images, {} {}", data.size(), columns,
                                 task == Task::multilabel ? (columns == 1 ? "label" : "labels")
                                                          : (columns == 1 ? "number each" : "numbers each"));
  for (size_t i = 0; i < std::min(columns, most_columns); ++i)
    text += (i == 0 ? ": " : task == Task::multilabel ? ", " : "; ") + column_text(data, i, task);
  return columns > most_columns ? text + fmt::format(", and {} more", columns - most_columns) : text;
}

}  // namespace manul
