#include "manul/data/datasets/image_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "manul/framework/file_system.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 7> extensions{"png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff"};

/// Hidden folders (.git, .ipynb_checkpoints) hold no pictures, wherever they are.
bool is_hidden(const fs::path& folder) {
  return folder.filename().native().starts_with('.');
}

/// Keras asks for no dot.
bool is_picture_name(const fs::path& path) {
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](auto extension) { return name.ends_with(extension); });
}

/// `folder` and all folders below it, in the order of their whole paths, as Keras walks them.
std::vector<fs::path> folders_below(const fs::path& folder) {
  std::vector<fs::path> folders{folder};
  for (size_t i = 0; i < folders.size(); ++i)
    for (const FolderEntry& entry : list_folder(folders[i], ErrorKind::data))
      if (!entry.is_link && entry.type == FileType::folder && !is_hidden(entry.path))
        folders.push_back(entry.path);
  std::sort(folders.begin(), folders.end(),
            [](const auto& a, const auto& b) { return a.native() < b.native(); });
  return folders;
}

void require_folder(const fs::path& folder) {
  FileType type = file_type(folder, ErrorKind::data);
  if (type == FileType::missing) fail(ErrorKind::data, "{}: there is no such folder", folder.string());
  if (type != FileType::folder) fail(ErrorKind::data, "{}: not a folder", folder.string());
}

std::vector<std::string> folder_names(const fs::path& folder) {
  require_folder(folder);
  std::vector<std::string> names;
  for (const FolderEntry& entry : list_folder(folder, ErrorKind::data))
    if (entry.type == FileType::folder && !is_hidden(entry.path))
      names.push_back(entry.path.filename().string());
  return names;
}

std::string no_pictures(const fs::path& folder) {
  return fmt::format("{}: no pictures below it (files whose names end in {})", folder.string(),
                     fmt::join(extensions, ", "));
}

}  // namespace

std::vector<fs::path> ImageFolder::pictures_below(const fs::path& folder) {
  require_folder(folder);
  std::vector<fs::path> found;
  for (const fs::path& each : folders_below(folder))
    for (const FolderEntry& entry : list_folder(each, ErrorKind::data))
      if (entry.type != FileType::folder && is_picture_name(entry.path)) found.push_back(entry.path);
  return found;
}

ImageFolder ImageFolder::scan(const fs::path& folder, Subset subset, double validation_split) {
  ImageFolder result{folder, folder_names(folder), {}};
  if (result.class_names.size() < 2)
    fail(ErrorKind::data, "{}: {} sub-folders; a folder with one sub-folder a class, two or more, is needed",
         folder.string(), result.class_names.empty() ? "no" : "only one of the");
  for (size_t label = 0; label < result.class_names.size(); ++label) {
    fs::path class_folder = folder / result.class_names[label];
    std::vector<fs::path> found = pictures_below(class_folder);
    if (found.empty()) fail(ErrorKind::data, "{}", no_pictures(class_folder));
    auto split = found.begin() + static_cast<int64_t>(validation_split * static_cast<double>(found.size()));
    auto first = subset == Subset::training ? split : found.begin();
    auto last = subset == Subset::validation ? split : found.end();
    if (first == last)
      fail(ErrorKind::data, "{}: a validation split of {} leaves none of its {} pictures for {}",
           class_folder.string(), validation_split, found.size(),
           subset == Subset::training ? "training" : "validation");
    for (; first != last; ++first) result.files.push_back({*first, static_cast<int>(label)});
  }
  return result;
}

ImageFolder ImageFolder::scan_for(const fs::path& folder, const std::vector<std::string>& class_names) {
  ImageFolder result{folder, class_names, {}};
  for (const std::string& name : folder_names(folder)) {
    auto known = std::find(class_names.begin(), class_names.end(), name);
    if (known == class_names.end())
      fail(ErrorKind::data, "{}: '{}' is none of the classes that are trained ({})", folder.string(), name,
           fmt::join(class_names, ", "));
    for (fs::path& path : pictures_below(folder / name))
      result.files.push_back({std::move(path), static_cast<int>(known - class_names.begin())});
  }
  if (result.files.empty()) fail(ErrorKind::data, "{}", no_pictures(folder));
  return result;
}

std::string ImageFolder::summary() const {
  return fmt::format("Found {} images belonging to {} classes.", files.size(), class_names.size());
}

}  // namespace manul
