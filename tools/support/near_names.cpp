#include "manul/tools/support/near_names.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace manul {
namespace {

/// Levenshtein distance: how many letters must change to make `b` of `a`.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> near_names(const std::string& wrong, const std::vector<std::string>& names,
                                    size_t letters, size_t most) {
  std::vector<std::pair<size_t, std::string>> found;
  for (const std::string& name : names) {
    size_t distance = edit_distance(name, wrong);
    bool contains = !wrong.empty() && name.find(wrong) != std::string::npos;
    if (distance <= letters || contains) found.emplace_back(distance, name);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> nearest;
  for (size_t i = 0; i < std::min(most, found.size()); ++i) nearest.push_back(found[i].second);
  return nearest;
}

}  // namespace manul
