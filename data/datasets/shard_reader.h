#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "manul/data/datasets/picture_file.h"
#include "manul/data/datasets/picture_files.h"

namespace manul {

/// What a sample of a shard says of its class: nothing, its number, or its name.
using ShardLabel = std::variant<std::monostate, int64_t, std::string>;

/// A picture of a shard.
struct ShardSample {
  PictureFile picture;  // its label is not set
  ShardLabel label;
  std::string folder;    // of its key: "cats" of "cats/0001"
  int64_t position = 0;  // of the picture's header in the shard, unpacked where it is packed
};

/// The samples with a picture of the shard `path`, in its order, as WebDataset makes them: members that
/// follow one another and whose names are the same up to the first dot behind the last slash are one sample;
/// what stands behind that dot says what each is. A picture has an extension as in picture_files.h; `.cls`
/// and
/// `.cls.txt` hold the class, a number or a name; of a `.json` its "label", "cls", "class" or "class_name"
/// does. Hidden members and samples without a picture count as `ignored`.
///
/// Throws ErrorKind::data in a sentence with the shard, the member and its place for a tar that is damaged or
/// cut short, a sample that stands there twice or has two pictures, a sparse member, a name longer than a
/// path, a picture of more than 1 GiB, a class of more than 4 KiB, a JSON of more than 1 MiB, and for a
/// packed shard that grows to more than 1 GiB and 100 times its size. `spool` takes the pictures of a packed
/// shard; it is made with the first one.
std::vector<ShardSample> read_shard(const std::filesystem::path& path, IgnoredFiles& ignored,
                                    std::shared_ptr<SpoolFile>& spool);

}  // namespace manul
