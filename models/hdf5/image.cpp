#include "manul/models/hdf5/writer.h"

#include <algorithm>
#include <array>
#include <concepts>

#include "manul/models/hdf5/format.h"

namespace manul::hdf5 {
namespace {

/// Little-endian integers and bytes, appended.
class Packer {
 public:
  Packer& put(std::integral auto value) { return put(&value, sizeof(value)); }
  Packer& put(const void* data, size_t size) {
    bytes.append(static_cast<const char*>(data), size);
    return *this;
  }
  Packer& put(std::string_view other) { return put(other.data(), other.size()); }
  Packer& pad_to(size_t size) {
    bytes.resize(std::max(size, bytes.size()));
    return *this;
  }
  Packer& pad() { return pad_to(padded(bytes.size())); }

  std::string bytes;
};

std::string shape_bytes(const Shape& shape) {
  Packer packer;
  bool simple = shape.rank() > 0;
  packer.put(uint8_t{1}).put(static_cast<uint8_t>(shape.rank())).put(static_cast<uint8_t>(simple));
  packer.pad_to(8);
  for (int repeat = 0; repeat < 2; ++repeat)  // lengths, then largest lengths
    for (int64_t length : shape) packer.put(length);
  return packer.bytes;
}

std::string type_bytes(int type_class, uint32_t bits, uint32_t size) {
  Packer packer;
  packer.put(static_cast<uint32_t>(0x10 | type_class) | bits << 8).put(size);
  return packer.bytes;
}

std::string f32_type() {
  Packer packer;
  packer.put(type_bytes(floating_point, 0x1f20, 4)).put(uint16_t{0}).put(uint16_t{32});
  packer.put(uint8_t{23}).put(uint8_t{8}).put(uint8_t{0}).put(uint8_t{23}).put(uint32_t{127});
  return packer.bytes;
}

std::string f64_type() {
  Packer packer;
  packer.put(type_bytes(floating_point, 0x3f20, 8)).put(uint16_t{0}).put(uint16_t{64});
  packer.put(uint8_t{52}).put(uint8_t{11}).put(uint8_t{0}).put(uint8_t{52}).put(uint32_t{1023});
  return packer.bytes;
}

std::string i64_type() {
  Packer packer;
  packer.put(type_bytes(integer, 8, 8)).put(uint16_t{0}).put(uint16_t{64});
  return packer.bytes;
}

std::string variable_string_type() {
  Packer packer;
  packer.put(type_bytes(variable_length, 1, 16));
  packer.put(type_bytes(integer, 0, 1)).put(uint16_t{0}).put(uint16_t{8});  // of unsigned bytes
  return packer.bytes;
}

std::string attribute_bytes(const std::string& name, const std::string& type, const Shape& shape,
                            const std::string& data) {
  std::string space = shape_bytes(shape);
  Packer packer;
  packer.put(uint8_t{1}).put(uint8_t{0});
  for (size_t size : {name.size() + 1, type.size(), space.size()}) packer.put(static_cast<uint16_t>(size));
  packer.put(name).put(uint8_t{0}).pad();
  packer.put(type).pad().put(space).pad().put(data);
  return packer.bytes;
}

}  // namespace

/// Lays out a file: what is referred to stands before what refers to it.
class ImageWriter {
 public:
  std::string write(const Group& root) {
    image_.bytes.resize(superblock_size);
    GroupPlace place = write_group(root);
    image_.pad();
    Packer block;
    block.put(signature, 8).put(uint32_t{0}).put(uint8_t{0}).put(uint8_t{8}).put(uint8_t{8}).put(uint8_t{0});
    block.put(leaf_k).put(internal_k).put(uint32_t{0});
    block.put(uint64_t{0}).put(undefined_address).put(uint64_t{image_.bytes.size()}).put(undefined_address);
    block.put(symbol_entry(0, place));
    std::copy(block.bytes.begin(), block.bytes.end(), image_.bytes.begin());
    return std::move(image_.bytes);
  }

 private:
  struct GroupPlace {
    uint64_t header = 0;
    uint64_t tree = 0;  // 0: a dataset
    uint64_t heap = 0;
  };
  /// A node of the B-tree, or a symbol table node: where it is and its last name.
  struct Node {
    uint64_t address;
    uint64_t last_name;
  };

  uint64_t append(const Packer& part) {
    image_.pad();
    uint64_t address = image_.bytes.size();
    image_.put(part.bytes);
    return address;
  }

  static std::string symbol_entry(uint64_t name, const GroupPlace& place) {
    Packer entry;
    bool group = place.tree != 0;
    entry.put(name).put(place.header).put(group ? cached_symbol_table : uint32_t{0}).put(uint32_t{0});
    entry.put(place.tree).put(place.heap);
    return entry.bytes;
  }

  GroupPlace write_group(const Group& group) {
    std::map<std::string, GroupPlace> members;
    for (const auto& [name, child] : group.groups_) members[name] = write_group(*child);
    for (const auto& [name, dataset] : group.datasets_) members[name] = {write_dataset(dataset)};
    GroupPlace place = write_members(members);
    Packer table;
    table.put(place.tree).put(place.heap);
    add_message(symbol_table, table.bytes);
    add_texts(group);
    for (const auto& [name, names] : group.names_) add_names(name, names);
    place.header = write_header();
    return place;
  }

  uint64_t write_dataset(const Group::Dataset& dataset) {
    Packer data, fill, where;
    std::visit([&](const auto& values) { data.put(values.data(), values.size() * sizeof(values[0])); },
               dataset.values);
    uint64_t size = data.bytes.size();
    uint64_t address = append(data);
    fill.put(uint8_t{2}).put(uint8_t{2}).put(uint8_t{2}).put(uint8_t{1}).put(uint32_t{0});
    where.put(uint8_t{3}).put(uint8_t{1}).put(address).put(size);
    const std::array types = {f32_type(), f64_type(), i64_type()};  // as in Dataset::values
    add_message(dataspace, shape_bytes(dataset.shape));
    add_message(datatype, types[dataset.values.index()]);
    add_message(fill_value, fill.bytes);
    add_message(layout, where.bytes);
    return write_header();
  }

  void add_message(Message type, const std::string& data) {
    Packer message;
    message.put(static_cast<uint16_t>(type)).put(static_cast<uint16_t>(padded(data.size()))).put(uint32_t{0});
    messages_.push_back(message.put(data).pad().bytes);
  }

  uint64_t write_header() {
    Packer header;
    uint32_t size = 0;
    for (const std::string& message : messages_) size += static_cast<uint32_t>(message.size());
    header.put(uint8_t{1}).put(uint8_t{0}).put(static_cast<uint16_t>(messages_.size()));
    header.put(uint32_t{1}).put(size).put(uint32_t{0});
    for (const std::string& message : messages_) header.put(message);
    messages_.clear();
    return append(header);
  }

  /// All texts of a group lie in one global heap collection; the attributes refer to them.
  void add_texts(const Group& group) {
    constexpr size_t smallest_collection = 4096;
    if (group.texts_.empty()) return;
    Packer objects;
    uint16_t index = 0;
    for (const auto& [name, text] : group.texts_)
      objects.put(++index).put(uint16_t{1}).put(uint32_t{0}).put(uint64_t{text.size()}).put(text).pad();
    uint64_t size = std::max(smallest_collection, 16 + objects.bytes.size() + 16);
    Packer collection;
    collection.put("GCOL").put(uint32_t{1}).put(size).put(objects.bytes);
    collection.put(uint64_t{0}).put(size - 16 - objects.bytes.size()).pad_to(size);
    uint64_t address = append(collection);
    index = 0;
    for (const auto& [name, text] : group.texts_) {
      Packer reference;
      reference.put(static_cast<uint32_t>(text.size())).put(address).put(uint32_t{++index});
      add_message(attribute, attribute_bytes(name, variable_string_type(), {}, reference.bytes));
    }
  }

  void add_names(const std::string& name, const Group::Names& names) {
    if (names.list.empty()) return add_message(attribute, attribute_bytes(name, f64_type(), {0}, {}));
    Packer data;
    for (size_t i = 0; i < names.list.size(); ++i) data.put(names.list[i]).pad_to((i + 1) * names.width);
    std::string type = type_bytes(fixed_string, 1, static_cast<uint32_t>(names.width));  // padded with zeros
    add_message(attribute,
                attribute_bytes(name, type, {static_cast<int64_t>(names.list.size())}, data.bytes));
  }

  /// The names of the members in a local heap, the members in symbol table nodes, these in a B-tree.
  GroupPlace write_members(const std::map<std::string, GroupPlace>& members) {
    Packer names, heap, symbols;
    names.put(uint64_t{0});  // the empty name, which bounds the tree from below
    std::vector<Node> nodes;
    int used = 0;
    uint64_t name_offset = 0;
    auto finish_node = [&] {
      Packer node;
      node.put("SNOD").put(uint8_t{1}).put(uint8_t{0}).put(static_cast<uint16_t>(used)).put(symbols.bytes);
      nodes.push_back({append(node.pad_to(symbol_node_size)), name_offset});
      symbols = {};
      used = 0;
    };
    for (const auto& [name, place] : members) {
      name_offset = names.bytes.size();
      names.put(name).put(uint8_t{0}).pad();
      symbols.put(symbol_entry(name_offset, place));
      if (++used == 2 * leaf_k) finish_node();
    }
    if (used > 0) finish_node();
    GroupPlace place;
    place.tree = write_tree(nodes);
    uint64_t data = append(names);
    constexpr uint64_t no_free_block = 1;
    heap.put("HEAP").put(uint32_t{0}).put(uint64_t{names.bytes.size()}).put(no_free_block).put(data);
    place.heap = append(heap);
    return place;
  }

  /// One level after the other, up to the root. A group without members has an empty root.
  uint64_t write_tree(std::vector<Node> nodes) {
    for (int level = 0;; ++level) {
      constexpr size_t width = size_t{2} * internal_k;
      size_t count = std::max<size_t>(1, (nodes.size() + width - 1) / width);
      image_.pad();
      uint64_t first = image_.bytes.size();
      std::vector<Node> parents;
      for (size_t i = 0; i < count; ++i) {
        std::span<const Node> children(nodes.data() + i * width, std::min(width, nodes.size() - i * width));
        Packer node;
        node.put("TREE").put(uint8_t{0}).put(static_cast<uint8_t>(level));
        node.put(static_cast<uint16_t>(children.size()));
        node.put(i == 0 ? undefined_address : first + (i - 1) * tree_node_size);
        node.put(i + 1 == count ? undefined_address : first + (i + 1) * tree_node_size);
        node.put(i == 0 ? uint64_t{0} : nodes[i * width - 1].last_name);
        for (const Node& child : children) node.put(child.address).put(child.last_name);
        uint64_t last = children.empty() ? 0 : children.back().last_name;
        parents.push_back({append(node.pad_to(tree_node_size)), last});
      }
      if (count == 1) return parents.front().address;
      nodes = std::move(parents);
    }
  }

  Packer image_;
  std::vector<std::string> messages_;  // of the object header in the making
};

std::string image(const Group& root) {
  return ImageWriter().write(root);
}

}  // namespace manul::hdf5
