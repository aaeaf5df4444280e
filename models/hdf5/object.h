#pragma once

#include <map>
#include <string>

#include "manul/framework/shape.h"
#include "manul/models/hdf5/source.h"

namespace manul::hdf5 {

/// The type of the elements of an attribute or dataset.
struct ElementType {
  enum class Kind { floating_point, signed_integer, unsigned_integer, fixed_string, variable_string, other };
  Kind kind = Kind::floating_point;
  uint32_t size = 0;  // bytes of an element; of a variable string: those of its reference
  bool is_text() const { return kind == Kind::fixed_string || kind == Kind::variable_string; }
  bool is_number() const { return !is_text() && kind != Kind::other; }
};

/// A small array that belongs to an object.
struct Attribute {
  ElementType type;
  Shape shape;
  Bytes data;
};

/// What an object header says: of a group its links, of a dataset where its elements lie.
struct Object {
  bool group = false;
  std::map<std::string, uint64_t, std::less<>> links;  // name -> address of the member's object header
  std::map<std::string, Attribute, std::less<>> attributes;

  ElementType type;
  Shape shape;
  uint64_t address = 0;
  uint64_t bytes = 0;
};

/// Parses the object header at `address`. Refuses what Keras never writes and what could reach outside the
/// file or hide a size: links that are not hard, external storage, chunks, filters, shared types. `path`
/// names the object in errors.
Object read_object(Source& source, uint64_t address, std::string_view path);

}  // namespace manul::hdf5
