#pragma once

#include <string>
#include <utility>
#include <vector>

#include "manul/models/hdf5/format.h"

namespace manul::hdf5 {

/// An HDF5 file put together structure by structure, so that it may say what no library would write.
/// Structures that refer to each other in circles are made by reserving their places first.
class RawFile {
 public:
  RawFile() : bytes_(superblock_size, '\0') {}

  template <class T>
  static std::string number(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof(T)};
  }

  uint64_t reserve(size_t size) {
    bytes_.resize(padded(bytes_.size()), '\0');
    uint64_t address = bytes_.size();
    bytes_.resize(bytes_.size() + size, '\0');
    return address;
  }
  void put(uint64_t address, const std::string& structure) {
    bytes_.replace(address, structure.size(), structure);
  }
  uint64_t add(const std::string& structure) {
    uint64_t address = reserve(structure.size());
    put(address, structure);
    return address;
  }

  static std::string message(uint16_t type, std::string data) {
    data.resize(padded(data.size()), '\0');
    return number(type) + number(static_cast<uint16_t>(data.size())) + std::string(4, '\0') + data;
  }
  static std::string continuation_message(uint64_t address, uint64_t length) {
    return message(continuation, number(address) + number(length));
  }
  /// An object header of these messages, `more` of which stand elsewhere.
  static std::string header(const std::vector<std::string>& messages, uint16_t more = 0) {
    std::string all;
    for (const std::string& one : messages) all += one;
    return std::string("\1\0", 2) + number(static_cast<uint16_t>(messages.size() + more)) +
           number(uint32_t{1}) + number(static_cast<uint32_t>(all.size())) + std::string(4, '\0') + all;
  }
  static std::string tree(uint8_t level, const std::vector<uint64_t>& children) {
    std::string node = "TREE" + std::string(1, '\0') + number(level) +
                       number(static_cast<uint16_t>(children.size())) + std::string(16, '\0') +
                       number(uint64_t{0});
    for (uint64_t child : children) node += number(child) + number(uint64_t{0});
    node.resize(tree_node_size, '\0');
    return node;
  }
  /// Members as {offset of the name, address of the object header}.
  static std::string symbols(const std::vector<std::pair<uint64_t, uint64_t>>& members) {
    std::string node = "SNOD" + std::string("\1\0", 2) + number(static_cast<uint16_t>(members.size()));
    for (const auto& [name, address] : members)
      node += number(name) + number(address) + std::string(24, '\0');
    node.resize(symbol_node_size, '\0');
    return node;
  }
  uint64_t add_heap(const std::string& names) {
    uint64_t data = add(names);
    return add("HEAP" + std::string(4, '\0') + number(uint64_t{names.size()}) + number(uint64_t{1}) +
               number(data));
  }
  static std::string group_message(uint64_t tree, uint64_t heap) {
    return message(symbol_table, number(tree) + number(heap));
  }
  /// A list of texts of variable length, each given as {collection, index, length}.
  struct Text {
    uint64_t collection;
    uint32_t index, length;
  };
  static std::string texts_message(const std::string& name, const std::vector<Text>& texts) {
    std::string type = std::string("\x19\1\0\0", 4) + number(uint32_t{16}) + std::string("\x10\0\0\0", 4) +
                       number(uint32_t{1}) + number(uint32_t{8 << 16});
    std::string space = std::string("\1\1", 2) + std::string(6, '\0') + number(uint64_t{texts.size()});
    std::string data = std::string("\1\0", 2);
    for (size_t size : {name.size() + 1, type.size(), space.size()})
      data += number(static_cast<uint16_t>(size));
    for (std::string part : {name + '\0', type, space}) {
      part.resize(padded(part.size()), '\0');
      data += part;
    }
    for (const Text& text : texts) data += number(text.length) + number(text.collection) + number(text.index);
    return message(attribute, data);
  }
  uint64_t add_collection(const std::string& text) {
    std::string object = number(uint16_t{1}) + std::string(6, '\0') + number(uint64_t{text.size()}) + text;
    object.resize(padded(object.size()), '\0');
    return add("GCOL" + number(uint32_t{1}) + number(uint64_t{16 + object.size() + 16}) + object +
               std::string(16, '\0'));
  }

  /// The whole file, with the root's object header at `root`.
  std::string finish(uint64_t root) {
    std::string block(reinterpret_cast<const char*>(signature), 8);
    block +=
        std::string("\0\0\0\0\0\x08\x08\0", 8) + number(leaf_k) + number(internal_k) + number(uint32_t{0});
    block += number(uint64_t{0}) + number(undefined_address) + number(uint64_t{bytes_.size()}) +
             number(undefined_address) + number(uint64_t{0}) + number(root);
    put(0, block);
    return bytes_;
  }

 private:
  std::string bytes_;
};

}  // namespace manul::hdf5
