#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "manul/data/datasets/picture_file.h"
#include "manul/data/datasets/picture_files.h"

namespace manul {

/// The pictures below a folder with one sub-folder a class, as Keras' flow_from_directory finds them: class
/// names are the sorted names of the sub-folders, each searched to any depth, folders and files sorted by
/// name. What is a picture see picture_files.h: more than in Keras, by extension (.webp, .jfif) and by
/// content. Hidden files and sub-folders (.git, .ipynb_checkpoints, ._x.jpg, __MACOSX) count at no level. A
/// class folder and a file may be symbolic links; links to folders further down are not followed. Unreadable
/// pictures are found when they are decoded. What names shards is read as such: see image_shards.h.
struct ImageFolder {
  using File = PictureFile;  // labels are indices into class_names

  std::filesystem::path folder;
  std::vector<std::string> class_names;
  std::vector<File> files;  // by class, then by name; of shards in their order
  IgnoredFiles ignored = {};

  /// Which part of a validation_split to take.
  enum class Subset { all, training, validation };

  /// Throws ErrorKind::data with what was looked for if the folder is missing, has fewer than two
  /// sub-folders, or if a class is left without pictures. The validation subset is the first
  /// int(validation_split * n) files of each class, as Keras takes them, the training subset the rest.
  static ImageFolder scan(const std::filesystem::path& folder, Subset subset = Subset::all,
                          double validation_split = 0);
  /// The same for a folder whose classes another one has set (a validation folder): names that are not among
  /// `class_names` are an error, and a class may have no pictures as long as one of them has some.
  static ImageFolder scan_for(const std::filesystem::path& folder,
                              const std::vector<std::string>& class_names);

  /// Training and validation pictures: of each class int(fraction * n) are drawn by `seed` for the
  /// validation, or the first ones if `shuffled` is false. Throws ErrorKind::data if that leaves a class
  /// without pictures for one of them.
  std::pair<ImageFolder, ImageFolder> split(double fraction, uint64_t seed, bool shuffled = true) const;

  /// All pictures below `folder`, sorted as there, whatever folders they lie in.
  static std::vector<std::filesystem::path> pictures_below(const std::filesystem::path& folder);

  /// "Found 8000 images belonging to 2 classes."
  std::string summary() const;
};

}  // namespace manul
