#include "manul/data/datasets/image_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

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

std::pair<ImageFolder, ImageFolder> ImageFolder::split(double fraction, uint64_t seed) const {
  ImageFolder training{folder, class_names, {}, ignored}, validation{folder, class_names, {}, {}};
  for (auto first = files.begin(); first != files.end();) {
    auto last =
        std::find_if(first, files.end(), [&](const File& file) { return file.label != first->label; });
    auto count = static_cast<size_t>(last - first);
    auto taken = static_cast<size_t>(fraction * static_cast<double>(count));
    fs::path class_folder = folder / class_names[static_cast<size_t>(first->label)];
    require_some_pictures(taken > 0, class_folder.string(), fraction, count, "validation");
    require_some_pictures(taken < count, class_folder.string(), fraction, count, "training");
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t{0});
    RandomStream stream(seed, RandomPurpose::sample, 0, static_cast<uint64_t>(first->label));
    for (size_t left = count; left > 1; --left)
      std::swap(order[left - 1], order[stream.below(static_cast<uint32_t>(left))]);
    std::vector<bool> validates(count);
    for (size_t i = 0; i < taken; ++i) validates[order[i]] = true;
    for (size_t i = 0; i < count; ++i)
      (validates[i] ? validation : training).files.push_back(first[static_cast<int64_t>(i)]);
    first = last;
  }
  return {std::move(training), std::move(validation)};
}

std::string ImageFolder::summary() const {
  return fmt::format("Found {} images belonging to {} classes.", files.size(), class_names.size());
}

}  // namespace manul
