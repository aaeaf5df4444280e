#pragma once

#include <optional>
#include <string>

#include "manul/models/hdf5/convert.h"
#include "manul/models/keras/archive_file.h"

namespace manul::keras {

/// Calls `use` with a Reader of a model file's weights and attributes, and with what the archive says if the
/// file is one: `use(hdf5::Reader&, const std::optional<ArchiveFile>&)`. It is called twice if the first
/// Reader meets a layout that it does not know and `conversion` is true. Throws ErrorKind::model_file.
template <class Use>
auto with_model_file(const std::string& path, bool conversion, Use use) {
  auto file = std::make_shared<const hdf5::OpenFile>(path);
  std::optional<ArchiveFile> archive;
  if (is_archive(*file)) {
    archive = read_archive(*file);
    file = archive->weights;
  }
  return hdf5::read_any_layout(file, conversion, [&](hdf5::Reader& reader) { return use(reader, archive); });
}

}  // namespace manul::keras
