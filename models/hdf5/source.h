#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "manul/framework/error.h"

namespace manul::hdf5 {

using Bytes = std::vector<unsigned char>;

/// A file that Reader does not know the layout of, though libhdf5 may: chunks, filters, structures of newer
/// kinds.
class OtherLayout : public Error {
 public:
  explicit OtherLayout(const std::string& text) : Error(ErrorKind::model_file, text) {}
};

/// A file that is open for reading. Its path is looked up once.
class OpenFile {
 public:
  static constexpr uint64_t largest = uint64_t{1} << 34;  // bytes

  /// Throws ErrorKind::model_file if `path` is not a regular file, cannot be opened, or is too large.
  explicit OpenFile(const std::string& path);
  /// Owns the descriptor; `name` stands for it in errors.
  OpenFile(std::string name, int descriptor);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  const std::string& name() const { return name_; }
  int descriptor() const { return descriptor_; }
  uint64_t size() const { return size_; }

 private:
  void look();
  std::string name_;
  int descriptor_;
  uint64_t size_ = 0;
};

/// A file that is read piece by piece, each piece checked against the file's size first. All errors are
/// ErrorKind::model_file with the text "FILE: OBJECT: REASON".
class Source {
 public:
  explicit Source(std::shared_ptr<const OpenFile> file);

  const std::string& path() const { return file_->name(); }
  uint64_t size() const { return size_; }

  /// `count` bytes of the file's structure (not of a dataset). All of them together are limited to a small
  /// multiple of the file's size, so that a structure that refers to itself ends.
  Bytes metadata(uint64_t address, uint64_t count, std::string_view object);
  /// Counts `bytes` of memory that are kept because of what the file's structure says. All of them together
  /// are limited to a multiple of the file's size: names and texts that are used many times are kept many
  /// times.
  void keep(uint64_t bytes, std::string_view object);
  /// `count` bytes to `target`.
  void read(uint64_t address, void* target, uint64_t count, std::string_view object) const;
  /// Throws that `object` is refused for `reason`.
  [[noreturn]] void refuse(std::string_view object, std::string_view reason) const;
  /// The same for what libhdf5 may be able to read: throws OtherLayout.
  [[noreturn]] void refuse_layout(std::string_view object, std::string_view reason) const;

 private:
  std::string sentence(std::string_view object, std::string_view reason) const;
  std::shared_ptr<const OpenFile> file_;
  uint64_t size_ = 0;
  uint64_t metadata_left_ = 0, memory_left_ = 0;
};

/// Takes little-endian numbers from bytes, front to back; refuses where they end too early.
class Cursor {
 public:
  Cursor(std::span<const unsigned char> bytes, const Source& source, std::string_view object)
      : bytes_(bytes), source_(source), object_(object) {}

  std::span<const unsigned char> take(uint64_t count) {
    if (count > bytes_.size()) source_.refuse(object_, "its description is cut short");
    std::span<const unsigned char> taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  void skip(uint64_t count) { take(count); }
  uint8_t u8() { return number<uint8_t>(); }
  uint16_t u16() { return number<uint16_t>(); }
  uint32_t u32() { return number<uint32_t>(); }
  uint64_t u64() { return number<uint64_t>(); }
  std::span<const unsigned char> rest() const { return bytes_; }

  /// Refuses unless the next four bytes are `mark`.
  void expect(std::string_view mark) {
    if (std::memcmp(take(mark.size()).data(), mark.data(), mark.size()) != 0)
      source_.refuse(object_, "is damaged (a structure lacks its mark " + std::string(mark) + ")");
  }

 private:
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  std::span<const unsigned char> bytes_;
  const Source& source_;
  std::string_view object_;
};

}  // namespace manul::hdf5
