#pragma once

#include <memory>
#include <string>

#include "manul/models/hdf5/reader.h"

namespace manul::hdf5 {

/// The same file in the layout that Reader knows, in memory: made by libhdf5 in the process
/// manul-hdf5-convert, which has limits of time and memory in proportion to the file and may open nothing.
/// Throws ErrorKind::model_file "FILE: REASON" with the sentence `why`, which says what Reader does not know.
std::shared_ptr<const OpenFile> convert(const OpenFile& file, const std::string& why);

/// What `use` returns for a Reader of the file. If it meets a layout that Reader does not know, and
/// `conversion` is true, it is called a second time with a Reader of the converted file.
template <class Use>
auto read_any_layout(std::shared_ptr<const OpenFile> file, bool conversion, Use use) {
  try {
    Reader reader(file);
    return use(reader);
  } catch (const OtherLayout& other) {
    if (!conversion) throw;
    file = convert(*file, other.what());
  }
  Reader reader(file);
  return use(reader);
}

}  // namespace manul::hdf5
