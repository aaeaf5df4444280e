#pragma once

#include <cstdint>
#include <filesystem>

#include "manul/data/image/image.h"

namespace manul {

/// Makes sure, before the work begins, that its result can be written to `file`: makes the folder if it is
/// not there, and a temporary file in it of `bytes`, which it removes again. Throws ErrorKind::usage with the
/// reason where another
/// --output would help, ErrorKind::failed where there is no room.
void prepare_output_file(const std::filesystem::path& file, int64_t bytes = 0);

/// Throws ErrorKind::usage if both names would come to be one file: the one that is written last would
/// replace the other. `what` is what the second one holds.
void require_two_files(const std::filesystem::path& output, const std::filesystem::path& other,
                       const std::string& what);

/// Throws ErrorKind::usage unless the name of the file says that it is PNG or JPEG: .png, .jpg, .jpeg, or
/// nothing, which is PNG. `option` is what the message calls it.
void require_picture_name(const std::filesystem::path& file, const char* option = "output");
/// Writes what the name says.
void save_picture(const std::filesystem::path& file, const Image& picture);

}  // namespace manul
