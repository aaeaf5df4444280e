#pragma once

#include <filesystem>
#include <memory>

#include "manul/data/image/image.h"
#include "manul/framework/file.h"

namespace manul {

class SpoolFile;

/// A tar of pictures, a shard of a data set.
struct Shard {
  std::filesystem::path path;
  FileStamp stamp;                      // when its members were looked for
  std::shared_ptr<SpoolFile> unpacked;  // the pictures of one that is packed; null: they are read in the tar
};

/// Where a picture is, a file or a member of a shard, and its class.
struct PictureFile {
  std::filesystem::path path;  // of a member "train-000.tar/cats/1.jpg": the name of the shard, then its own
  int label = 0;
  std::shared_ptr<const Shard> shard = {};  // null: a file
  int64_t offset = 0, bytes = 0;            // where it is in the shard

  /// The file that is opened for it: that of the picture, or of the shard.
  const std::filesystem::path& file() const { return shard ? shard->path : path; }
  /// Of that file: now, and of a shard when its members were looked for. Throws ErrorKind::data if it cannot
  /// be opened.
  FileStamp stamp() const;
};

/// A picture, and what its file was when it was read.
struct LoadedPicture {
  Image image;
  FileStamp stamp;
};

/// As load_image() of a file; throws as that does, with the path of `file`.
LoadedPicture load_picture(const PictureFile& file, const ImageOptions& options);
Image load_image(const PictureFile& file, const ImageOptions& options);

}  // namespace manul
