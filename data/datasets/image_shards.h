#pragma once

#include "manul/data/datasets/image_folder.h"

// Data sets in shards, tars as WebDataset writes them (shard_reader.h says how they are read).
// ImageFolder::scan calls these where its argument names shards.
namespace manul {

/// True if `data` is a tar (.tar, or packed: .tar.gz, .tgz, .tar.bz2, .tar.xz, .tar.zst), a folder without
/// sub-folders that holds some, or a pattern where no file has that name: `train-{000000..000009}.tar`,
/// `{train,more}-*.tar`.
bool names_shards(const std::filesystem::path& data);

/// The files that `data` names: a folder's sorted, those of a pattern in its order. Throws ErrorKind::data
/// for one that is not there, a pattern that nothing fits, and one of more than 100,000 files.
std::vector<std::filesystem::path> shard_files(const std::filesystem::path& data);

/// All pictures of the shards, in their order. A class is what a sample says of it: the name, or the number
/// in the lines of `classes.txt` or `classnames.txt` beside the shards, where there is such a file; without
/// one classes are called "0" to the largest number. Samples that say nothing have the class of their folder:
/// the first part of their key in which two samples differ ("cats/0001"). Names are sorted unless the file
/// lists them.
///
/// Throws ErrorKind::data as read_shard() does, where some samples say a class and others do not, some a
/// number and others a name, for a class that the file does not list, and for fewer than two classes.
ImageFolder scan_shards(const std::filesystem::path& data);
/// The same with the classes of another data set: names must be among `class_names`, and numbers stand for
/// their places there unless a file beside these shards says otherwise.
ImageFolder scan_shards_for(const std::filesystem::path& data, const std::vector<std::string>& class_names);

}  // namespace manul
