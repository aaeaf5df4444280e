#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace manul {

/// Files that were passed over where pictures were looked for, counted by the reason.
class IgnoredFiles {
 public:
  struct Reason {
    std::string one, many;  // "hidden file", "hidden files"
    int64_t count = 0;
    std::filesystem::path first;
    bool is_picture = false;  // of a format that is not read

    /// "1 hidden file", "3 hidden files".
    std::string text() const;
  };

  void add(const std::string& one, const std::string& many, const std::filesystem::path& path,
           bool is_picture = false);
  const std::vector<Reason>& reasons() const { return reasons_; }

 private:
  std::vector<Reason> reasons_;
};

/// Throws ErrorKind::data, in one sentence, unless a validation split of the `pictures` of `where` leaves
/// some for `purpose`.
void require_some_pictures(bool some, const std::string& where, double split, size_t pictures,
                           const char* purpose);

/// A folder with a file of this name is no class, whatever it holds.
inline constexpr const char* no_class_marker = ".manul-no-class";

/// The names of the sub-folders of `folder` that are not hidden and not marked as no class, sorted by their
/// bytes. Throws ErrorKind::data if there is no such folder.
std::vector<std::string> subfolder_names(const std::filesystem::path& folder);

/// Names that no picture and no class has: hidden ones (.git, ._x.jpg) and __MACOSX.
bool is_hidden_name(const std::filesystem::path& path);

/// True of "jpg", "png" and the others below, in lower case.
bool is_picture_extension(std::string_view extension);

/// The files directly in `folder` that are taken for pictures: by their names (png, jpg, jpeg, jfif, jpe,
/// bmp, ppm, pgm, tif, tiff, webp, in any case), or else by their first bytes.
std::vector<std::filesystem::path> pictures_in(const std::filesystem::path& folder, IgnoredFiles& ignored);

/// The same of `folder` and all folders below it, those reached by links aside, in the order of their whole
/// paths, as Keras walks them, and of the files' names within each.
std::vector<std::filesystem::path> pictures_below(const std::filesystem::path& folder, IgnoredFiles& ignored);

}  // namespace manul
