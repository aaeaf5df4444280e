#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "manul/framework/error.h"

namespace manul {

/// Shows whether a file is still the one that was seen before: its size and the time it was written.
struct FileStamp {
  int64_t bytes = 0;
  int64_t written_seconds = 0, written_nanoseconds = 0;
  bool operator==(const FileStamp&) const = default;
};

/// A regular file that is open for reading. Its path is looked up once: size, time and content are those of one
/// file, whatever happens to the name meanwhile. Opening never waits: a named pipe, a device or a folder is refused,
/// as is whatever cannot be read, by an Error of the given kind with the text "PATH: REASON".
class InputFile {
 public:
  InputFile(const std::filesystem::path& path, ErrorKind kind);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& name() const { return name_; }
  int64_t size() const { return stamp_.bytes; }
  const FileStamp& stamp() const { return stamp_; }

  /// Up to `count` bytes from `offset` on to `to`; returns how many there were, fewer only at the end of the file.
  int64_t read(int64_t offset, void* to, int64_t count) const;
  /// All bytes. Throws if they are more than `most`.
  std::vector<uint8_t> read_all(int64_t most) const;
  /// Throws "PATH: `reason`".
  [[noreturn]] void refuse(std::string_view reason) const;

 private:
  std::string name_;
  ErrorKind kind_;
  int descriptor_ = -1;
  FileStamp stamp_;
};

/// Makes or overwrites a file of `content`, as a stream would: for many files whose loss costs little, others are
/// written by write_file_atomically(). Throws ErrorKind::failed and leaves no part of it if that fails.
void write_bytes(const std::filesystem::path& path, std::span<const uint8_t> content);

}  // namespace manul
