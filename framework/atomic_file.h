#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace manul {

/// Replaces the file `path` by `content`, or leaves it as it was: writes a temporary file in the same folder,
/// makes it durable, renames it, makes the folder durable. Killed at any moment the old file is whole, or the
/// new one is. Permissions of an existing file are kept; a symbolic link stays one and its target is
/// replaced. Throws ErrorKind::failed with the reason (full disk, folder not writable) and removes the
/// temporary file.
void write_file_atomically(const std::string& path, std::string_view content);

/// Does all that write_file_atomically() would, short of the content: whoever works for hours learns before,
/// not after, that the result cannot be written (a link that leads to itself, a folder that is not writable
/// or not there, a disk without room for `bytes`). Throws as that function does.
void require_writable(const std::string& path, int64_t bytes = 0);

}  // namespace manul
