#pragma once

#include <optional>

#include "manul/models/hdf5/object.h"

namespace manul::hdf5 {

/// A dataset of numbers that lies wholly inside its file.
struct Dataset {
  std::string path;
  Shape shape;
  ElementType type;
  uint64_t address = 0;
};

/// Reads the HDF5 files that Keras writes: groups, attributes of text, contiguous datasets of numbers. It is
/// a parser of our own because a model file may come from anyone, and libhdf5 cannot be given such files: one
/// in seventy of those with a few flipped bits corrupts the memory of version 1.10.8.
///
/// Every address and count is checked against the file before it is used; memory and work are counted, and
/// bounded by a multiple of the file's size; nothing recurses as deep as a file says. All errors are
/// ErrorKind::model_file with the text "FILE: OBJECT: REASON", and an OtherLayout where libhdf5 may know
/// better.
class Reader {
 public:
  /// Opens the file and checks its superblock. Nothing else is read until it is asked for.
  explicit Reader(const std::string& path) : Reader(std::make_shared<const OpenFile>(path)) {}
  explicit Reader(std::shared_ptr<const OpenFile> file);

  const std::string& path() const { return source_.path(); }
  /// Bytes of the file.
  uint64_t size() const { return source_.size(); }

  /// Objects are named by their path from the root: "" is the root, "model_weights/conv2d" a group in a
  /// group.
  bool exists(std::string_view object);
  bool is_group(std::string_view object);
  /// Names of a group's members, sorted.
  std::vector<std::string> members(std::string_view group);

  bool has_attribute(std::string_view object, std::string_view name);
  /// A scalar string; nothing if there is no such attribute.
  std::optional<std::string> text(std::string_view object, std::string_view name);
  /// A list of strings, whole or in the parts NAME0, NAME1, .. that Keras makes of long lists; an empty list
  /// of any type is an empty list; nothing if there is no such attribute.
  std::optional<std::vector<std::string>> names(std::string_view object, std::string_view name);

  /// Refuses what is not a dataset of numbers.
  Dataset dataset(std::string_view object);
  /// The dataset's values in C order, converted to Value (float or double); `values` has as many elements.
  /// All that is read is limited to a few times the file's size, so that datasets in one place do not
  /// multiply.
  template <class Value>
  void read(const Dataset& dataset, std::span<Value> values) const;
  /// The value of a dataset of one number.
  double scalar(std::string_view object);

  /// Throws that `object` is refused for `reason`.
  [[noreturn]] void refuse(std::string_view object, std::string_view reason) const {
    source_.refuse(object, reason);
  }

 private:
  /// A piece of the file that holds texts of variable length.
  struct Collection {
    Bytes bytes;
    std::map<uint32_t, std::span<const unsigned char>> texts;
  };

  void read_superblock();
  const Object* find(std::string_view path);
  const Object& object(std::string_view path);
  const Object& parsed(uint64_t address, std::string_view path);
  std::vector<std::string> strings(const Attribute& attribute, std::string_view path);
  std::string heap_string(uint64_t collection, uint32_t index, uint64_t length, std::string_view path);
  const Collection& collection(uint64_t address, std::string_view path);

  Source source_;
  uint64_t root_ = 0;
  mutable uint64_t values_left_ = 0;  // bytes of datasets that may still be read
  std::map<uint64_t, Object> objects_;
  std::map<uint64_t, Collection> collections_;
};

}  // namespace manul::hdf5
