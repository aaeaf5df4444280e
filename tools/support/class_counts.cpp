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

}  // namespace manul
