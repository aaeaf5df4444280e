#include "manul/data/datasets/picture_files.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "manul/data/image/picture_format.h"
#include "manul/framework/error.h"
#include "manul/framework/file.h"
#include "manul/framework/file_system.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 11> extensions{"png", "jpg", "jpeg", "jfif", "jpe", "bmp",
                                                      "ppm", "pgm", "tif",  "tiff", "webp"};

/// Keras asks for no dot.
bool is_picture_name(const fs::path& path) {
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](auto extension) { return name.ends_with(extension); });
}

PictureFormat format_by_content(const FolderEntry& entry) {
  if (entry.type != FileType::file) return {};
  try {
    InputFile file(entry.path, ErrorKind::data);
    std::array<uint8_t, picture_head> head{};
    auto length = static_cast<size_t>(file.read(0, head.data(), head.size()));
    return picture_format(std::span(head.data(), length));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data) throw;
    return {};  // what cannot be read and is not called a picture is none
  }
}

/// Counts "a HEIC picture" among the "HEIC pictures, which are not read".
void add_unread(const PictureFormat& format, const fs::path& path, IgnoredFiles& ignored) {
  std::string name(format.name.substr(format.name.find(' ') + 1));
  if (name == "GIF") name += " picture";
  ignored.add(name + ", which is not read", name + "s, which are not read", path, true);
}

std::vector<FolderEntry> visible_entries(const fs::path& folder, IgnoredFiles& ignored) {
  std::vector<FolderEntry> entries;
  for (FolderEntry& entry : list_folder(folder, ErrorKind::data)) {
    if (is_hidden_name(entry.path))
      ignored.add("hidden file or folder", "hidden files or folders", entry.path);
    else
      entries.push_back(std::move(entry));
  }
  return entries;
}

void take_pictures(std::vector<FolderEntry> entries, IgnoredFiles& ignored, std::vector<fs::path>& pictures) {
  for (FolderEntry& entry : entries) {
    if (entry.type == FileType::folder) continue;
    if (is_picture_name(entry.path)) {
      pictures.push_back(std::move(entry.path));
      continue;
    }
    PictureFormat format = format_by_content(entry);
    if (format.name.empty())
      ignored.add("file that is no picture", "files that are no pictures", entry.path);
    else if (format.decoder == PictureDecoder::none)
      add_unread(format, entry.path, ignored);
    else
      pictures.push_back(std::move(entry.path));
  }
}

}  // namespace

std::string IgnoredFiles::Reason::text() const {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

void IgnoredFiles::add(const std::string& one, const std::string& many, const fs::path& path,
                       bool is_picture) {
  auto known =
      std::find_if(reasons_.begin(), reasons_.end(), [&](const Reason& each) { return each.one == one; });
  if (known == reasons_.end())
    reasons_.push_back({one, many, 1, path, is_picture});
  else
    ++known->count;
}

bool is_picture_extension(std::string_view extension) {
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

bool is_hidden_name(const fs::path& path) {
  std::string name = path.filename().string();
  return name.starts_with('.') || name == "__MACOSX";
}

std::vector<std::string> subfolder_names(const fs::path& folder) {
  FileType type = file_type(folder, ErrorKind::data);
  if (type == FileType::missing) fail(ErrorKind::data, "{}: there is no such folder", folder.string());
  if (type != FileType::folder) fail(ErrorKind::data, "{}: not a folder", folder.string());
  std::vector<std::string> names;
  for (const FolderEntry& entry : list_folder(folder, ErrorKind::data))
    if (entry.type == FileType::folder && !is_hidden_name(entry.path) &&
        !is_file(entry.path / no_class_marker))
      names.push_back(entry.path.filename().string());
  return names;
}

std::vector<fs::path> pictures_in(const fs::path& folder, IgnoredFiles& ignored) {
  std::vector<fs::path> pictures;
  take_pictures(visible_entries(folder, ignored), ignored, pictures);
  return pictures;
}

std::vector<fs::path> pictures_below(const fs::path& folder, IgnoredFiles& ignored) {
  struct Folder {
    fs::path path;
    std::vector<FolderEntry> entries;
  };
  std::vector<Folder> folders{{folder, visible_entries(folder, ignored)}};
  for (size_t i = 0; i < folders.size(); ++i)
    for (size_t j = 0; j < folders[i].entries.size(); ++j)
      if (const FolderEntry& entry = folders[i].entries[j];
          !entry.is_link && entry.type == FileType::folder) {
        fs::path path = entry.path;
        folders.push_back({path, visible_entries(path, ignored)});
      }
  std::sort(folders.begin(), folders.end(),
            [](const Folder& a, const Folder& b) { return a.path.native() < b.path.native(); });
  std::vector<fs::path> pictures;
  for (Folder& each : folders) take_pictures(std::move(each.entries), ignored, pictures);
  return pictures;
}

void require_some_pictures(bool some, const std::string& where, double split, size_t pictures,
                           const char* purpose) {
  if (!some)
    fail(ErrorKind::data, "{}: a validation split of {} leaves none of its {} pictures for {}", where, split,
         pictures, purpose);
}

}  // namespace manul
