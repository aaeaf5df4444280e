#pragma once

#include <cstdint>
#include <span>

namespace manul {

/// A file without a name in the folder for temporary files, gone with its last user, however that ends.
class SpoolFile {
 public:
  /// Throws ErrorKind::failed with the folder if there can be none.
  SpoolFile();
  ~SpoolFile();
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;

  /// Adds bytes at the end; throws ErrorKind::failed with the folder and the reason, a full disk.
  void append(std::span<const uint8_t> bytes);
  int64_t size() const { return size_; }
  /// As InputFile::read().
  int64_t read(int64_t offset, void* to, int64_t count) const;

 private:
  int descriptor_ = -1;
  int64_t size_ = 0;
};

}  // namespace manul
