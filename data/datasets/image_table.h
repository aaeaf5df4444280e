#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace manul {

/// What the numbers of a table of pictures may be: any, or labels that a picture has or has not, 1 or 0.
enum class TableValues { numbers, zero_or_one };

/// Pictures and the numbers that belong to each, as a CSV file has them: a heading `file,NAME,...`, then a
/// line a picture with the name of its file and a number a column.
struct ImageTable {
  std::filesystem::path source;
  std::vector<std::string> columns;  // without the first
  std::vector<std::filesystem::path> files;
  std::vector<float> values;  // [files, columns]

  /// Reads `csv`; names of files that are not absolute are looked for in `folder`. Throws ErrorKind::data in
  /// a sentence with file and line for a heading without `file` or without another column, a line with more
  /// or fewer fields, a number that is none (or neither 0 nor 1), a file that is not there or stands there
  /// twice, and if there are no pictures.
  static ImageTable read(const std::filesystem::path& csv, const std::filesystem::path& folder,
                         TableValues kind);
  /// The same of a table whose columns another one has set, in the order of those. Throws ErrorKind::data if
  /// it has others.
  static ImageTable read_for(const std::filesystem::path& csv, const std::filesystem::path& folder,
                             TableValues kind, const std::vector<std::string>& columns);

  int64_t size() const { return static_cast<int64_t>(files.size()); }
  const float* row(size_t file) const { return values.data() + file * columns.size(); }
  /// Training and validation pictures: int(fraction * n) for the validation, drawn by `seed`, or the first
  /// ones if `shuffled` is false. Throws ErrorKind::data if that leaves one of them empty.
  std::pair<ImageTable, ImageTable> split(double fraction, uint64_t seed, bool shuffled = true) const;
};

}  // namespace manul
