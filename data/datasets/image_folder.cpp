#include "manul/data/datasets/image_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "manul/data/datasets/image_shards.h"
#include "manul/framework/error.h"
#include "manul/framework/random.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

std::string no_pictures(const fs::path& folder, const IgnoredFiles& ignored) {
  std::string text = fmt::format("{}: no pictures below it", folder.string());
  for (const IgnoredFiles::Reason& reason : ignored.reasons()) text += ", " + reason.text();
  return text;
}

/// Why a folder has no classes to train, and what may be meant instead.
[[noreturn]] void refuse_classes(const fs::path& folder, const std::vector<std::string>& names) {
  constexpr const char* wanted = "a folder with one sub-folder a class, two or more, is needed";
  if (names.empty()) {
    IgnoredFiles ignored;
    size_t loose = pictures_in(folder, ignored).size();
    if (loose > 0)
      fail(ErrorKind::data,
           "{}: its {} pictures lie in no sub-folders, so that their classes are not known; {}",
           folder.string(), loose, wanted);
    fail(ErrorKind::data, "{}: no sub-folders; {}", folder.string(), wanted);
  }
  constexpr int deepest = 8;  // of archives within archives
  fs::path only = folder / names[0];
  std::vector<std::string> below = subfolder_names(only);
  for (int depth = 1; below.size() == 1 && depth < deepest; ++depth) {
    only /= below[0];
    below = subfolder_names(only);
  }
  if (below.size() >= 2)
    fail(ErrorKind::data, "{}: only one sub-folder; is {} meant, which has {}?", folder.string(),
         only.string(), below.size());
  fail(ErrorKind::data, "{}: only one sub-folder, {}; {}", folder.string(), names[0], wanted);
}

}  // namespace

std::vector<fs::path> ImageFolder::pictures_below(const fs::path& folder) {
  subfolder_names(folder);  // says what is wrong with it
  IgnoredFiles ignored;
  return manul::pictures_below(folder, ignored);
}

ImageFolder ImageFolder::scan(const fs::path& folder, Subset subset, double validation_split) {
  if (names_shards(folder)) {
    ImageFolder all = scan_shards(folder);
    if (subset == Subset::all) return all;
    auto [training, validation] = all.split(validation_split, 0, false);
    return subset == Subset::training ? std::move(training) : std::move(validation);
  }
  ImageFolder result{folder, subfolder_names(folder), {}, {}};
  if (result.class_names.size() < 2) refuse_classes(folder, result.class_names);
  for (const fs::path& loose : pictures_in(folder, result.ignored))
    result.ignored.add("picture in no class's folder", "pictures in no class's folder", loose);
  for (size_t label = 0; label < result.class_names.size(); ++label) {
    fs::path class_folder = folder / result.class_names[label];
    std::vector<fs::path> found = manul::pictures_below(class_folder, result.ignored);
    if (found.empty()) {
      IgnoredFiles here;
      manul::pictures_below(class_folder, here);
      fail(ErrorKind::data, "{}", no_pictures(class_folder, here));
    }
    auto split = found.begin() + static_cast<int64_t>(validation_split * static_cast<double>(found.size()));
    auto first = subset == Subset::training ? split : found.begin();
    auto last = subset == Subset::validation ? split : found.end();
    require_some_pictures(first != last, class_folder.string(), validation_split, found.size(),
                          subset == Subset::training ? "training" : "validation");
    for (; first != last; ++first) result.files.push_back({*first, static_cast<int>(label)});
  }
  return result;
}

ImageFolder ImageFolder::scan_for(const fs::path& folder, const std::vector<std::string>& class_names) {
  if (names_shards(folder)) return scan_shards_for(folder, class_names);
  ImageFolder result{folder, class_names, {}, {}};
  std::vector<std::string> names = subfolder_names(folder);
  if (names.empty()) refuse_classes(folder, names);
  for (const std::string& name : names) {
    auto known = std::find(class_names.begin(), class_names.end(), name);
    if (known == class_names.end())
      fail(ErrorKind::data, "{}: '{}' is none of the classes that are trained ({})", folder.string(), name,
           fmt::join(class_names, ", "));
    for (fs::path& path : manul::pictures_below(folder / name, result.ignored))
      result.files.push_back({std::move(path), static_cast<int>(known - class_names.begin())});
  }
  if (result.files.empty()) fail(ErrorKind::data, "{}", no_pictures(folder, result.ignored));
  return result;
}

std::pair<ImageFolder, ImageFolder> ImageFolder::split(double fraction, uint64_t seed, bool shuffled) const {
  ImageFolder training{folder, class_names, {}, ignored}, validation{folder, class_names, {}, {}};
  std::vector<std::vector<size_t>> of_class(class_names.size());
  for (size_t i = 0; i < files.size(); ++i) of_class[static_cast<size_t>(files[i].label)].push_back(i);
  std::vector<bool> validates(files.size());
  for (size_t label = 0; label < of_class.size(); ++label) {
    std::vector<size_t>& order = of_class[label];
    if (order.empty()) continue;
    auto taken = static_cast<size_t>(fraction * static_cast<double>(order.size()));
    fs::path class_folder = folder / class_names[label];
    require_some_pictures(taken > 0, class_folder.string(), fraction, order.size(), "validation");
    require_some_pictures(taken < order.size(), class_folder.string(), fraction, order.size(), "training");
    RandomStream stream(seed, RandomPurpose::sample, 0, static_cast<uint64_t>(label));
    for (size_t left = shuffled ? order.size() : 0; left > 1; --left)
      std::swap(order[left - 1], order[stream.below(static_cast<uint32_t>(left))]);
    for (size_t i = 0; i < taken; ++i) validates[order[i]] = true;
  }
  for (size_t i = 0; i < files.size(); ++i) (validates[i] ? validation : training).files.push_back(files[i]);
  return {std::move(training), std::move(validation)};
}

std::string ImageFolder::summary() const {
  return fmt::format("Found {} images belonging to {} classes.", files.size(), class_names.size());
}

}  // namespace manul
