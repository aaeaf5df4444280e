#include "manul/models/hdf5/object.h"

#include <algorithm>
#include <array>

#include "manul/models/hdf5/format.h"

namespace manul::hdf5 {
namespace {

constexpr int largest_message_count = 20000;
constexpr size_t largest_block_count = 1000;  // of one object header
constexpr int largest_tree_depth = 8;
constexpr uint64_t node_bytes = 96;  // of an entry of a map, about
constexpr uint64_t largest_heap = 1 << 26;

/// Parses one object header.
class ObjectParser {
  /// A part of the object header.
  struct Block {
    uint64_t address;
    uint64_t length;
  };

 public:
  ObjectParser(Source& source, std::string_view path) : source_(source), path_(path) {}

  Object parse(uint64_t address) {
    read_header(address);
    if (object_.group == has_layout_) refuse("is neither a group nor a dataset");
    if (has_layout_) check_dataset();
    return std::move(object_);
  }

 private:
  [[noreturn]] void refuse(std::string_view reason) const { source_.refuse(path_, reason); }
  [[noreturn]] void refuse_layout(std::string_view reason) const { source_.refuse_layout(path_, reason); }
  Cursor cursor(std::span<const unsigned char> bytes) const { return {bytes, source_, path_}; }

  void read_header(uint64_t address) {
    Bytes prefix = source_.metadata(address, 16, path_);
    Cursor head = cursor(prefix);
    if (head.u8() != 1) refuse_layout("has an object header of a newer kind, which Keras does not write");
    head.skip(1);
    int left = head.u16();
    head.skip(4);
    blocks_.push_back({address + 16, head.u32()});
    for (size_t next = 0; next < blocks_.size(); ++next) read_block(blocks_[next], left);
  }

  /// The messages of one part of the header, `left` of them at most over all parts.
  void read_block(Block part, int& left) {
    Bytes block = source_.metadata(part.address, part.length, path_);
    Cursor at = cursor(block);
    while (left > 0 && at.rest().size() >= 8) {
      --left;
      if (++messages_ > largest_message_count) refuse("has too many parts");
      uint16_t type = at.u16();
      uint16_t size = at.u16();
      uint8_t flags = at.u8();
      at.skip(3);
      read_message(type, flags, at.take(size));
    }
  }

  /// Blocks are read one after the other, not inside each other, and none twice: a chain of them ends.
  void add_block(Block block) {
    for (const Block& known : blocks_)
      if (known.address == block.address) refuse("its description goes on in a part of itself");
    if (blocks_.size() == largest_block_count) refuse("its description has too many parts");
    blocks_.push_back(block);
  }

  void read_message(uint16_t type, uint8_t flags, std::span<const unsigned char> data) {
    bool shared = (flags & 2) != 0;
    Cursor at = cursor(data);
    switch (type) {
      case dataspace:
        if (shared) refuse_layout("shares its shape with other objects, which Keras does not do");
        object_.shape = read_shape(data);
        has_shape_ = true;
        return;
      case datatype:
        if (shared) refuse_layout("shares its type with other objects, which Keras does not do");
        object_.type = read_type(data);
        has_type_ = true;
        return;
      case layout:
        return read_layout(data);
      case attribute:
        if (shared) refuse_layout("shares an attribute with other objects, which Keras does not do");
        return read_attribute(data);
      case continuation: {
        uint64_t address = at.u64();
        return add_block({address, at.u64()});
      }
      case symbol_table: {
        object_.group = true;
        uint64_t tree = at.u64();
        return read_links(tree, at.u64());
      }
      case link:
        object_.group = true;
        return read_link(data);
      case link_info:
        object_.group = true;
        return check_link_info(data);
      case attribute_info:
        refuse_layout("has attributes of a newer kind, which Keras does not write");
      case external_files:
        refuse("has its data in another file, which is not allowed");
      case filter_pipeline:
        refuse_layout("is compressed or filtered, which Keras does not do");
      default:
        return;
    }
  }

  Shape read_shape(std::span<const unsigned char> data) const {
    Cursor at = cursor(data);
    int version = at.u8();
    int rank = at.u8();
    at.skip(1);
    if (version == 1)
      at.skip(5);
    else if (version != 2)
      refuse("has a shape of an unknown kind");
    else if (at.u8() == 2)  // none at all: h5py's Empty
      return {0};
    if (rank > Shape::max_rank)
      refuse(fmt::format("has {} axes; at most {} are possible", rank, Shape::max_rank));
    std::array<int64_t, Shape::max_rank> lengths{};
    uint64_t elements = 1;
    for (int i = 0; i < rank; ++i) {
      uint64_t length = at.u64();
      if (length > source_.size() || (length != 0 && elements > source_.size() / length))
        refuse("its shape has more elements than the file has bytes");
      elements *= length;
      lengths[i] = static_cast<int64_t>(length);
    }
    return Shape(std::span<const int64_t>(lengths.data(), rank));
  }

  /// Types that Keras does not use become Kind::other: an attribute of such a type does no harm.
  ElementType read_type(std::span<const unsigned char> data) const {
    Cursor at = cursor(data);
    int type_class = at.u8() & 15;
    int bits = at.u8();
    at.skip(2);
    uint32_t size = at.u32();
    using Kind = ElementType::Kind;
    if (size == 0) refuse("is damaged (a type of 0 bytes)");
    if (type_class == fixed_string) return {Kind::fixed_string, size};
    if (type_class == variable_length && (bits & 15) == 1 && size == 16) return {Kind::variable_string, size};
    bool big_endian = (bits & 1) != 0;
    if (type_class == integer && !big_endian && (size == 1 || size == 2 || size == 4 || size == 8))
      return {(bits & 8) != 0 ? Kind::signed_integer : Kind::unsigned_integer, size};
    if (type_class == floating_point && !big_endian && is_ieee(at, size)) return {Kind::floating_point, size};
    return {Kind::other, size};
  }

  /// Whether the number's bits lie as in IEEE 754: offset, precision, exponent, mantissa, bias.
  static bool is_ieee(Cursor at, uint32_t size) {
    const std::array<int, 6> single = {0, 32, 23, 8, 0, 23}, twice = {0, 64, 52, 11, 0, 52};
    std::array<int, 6> found{};
    found[0] = at.u16();
    found[1] = at.u16();
    for (int i = 2; i < 6; ++i) found[i] = at.u8();
    uint32_t bias = at.u32();
    return (size == 4 && found == single && bias == 127) || (size == 8 && found == twice && bias == 1023);
  }

  void read_layout(std::span<const unsigned char> data) {
    Cursor at = cursor(data);
    if (at.u8() != 3) refuse_layout("has a storage layout of another version than Keras writes");
    int layout_class = at.u8();
    if (layout_class != 1)
      refuse_layout(layout_class == 2 ? "is stored in chunks, which Keras does not do"
                                      : "is not stored as one piece of the file, as Keras does");
    object_.address = at.u64();
    object_.bytes = at.u64();
    has_layout_ = true;
  }

  void check_dataset() {
    if (!has_shape_ || !has_type_) refuse("is damaged (a dataset without shape or type)");
    uint64_t bytes = static_cast<uint64_t>(object_.shape.elements()) * object_.type.size;
    if (bytes == 0) return;
    if (object_.address == undefined_address) refuse("has no data");
    if (object_.bytes != bytes)
      refuse(fmt::format("shape {} needs {} bytes but {} are there", object_.shape, bytes, object_.bytes));
    if (object_.address > source_.size() || bytes > source_.size() - object_.address)
      refuse("its data lie outside the file");
  }

  void read_attribute(std::span<const unsigned char> data) {
    Cursor at = cursor(data);
    int version = at.u8();
    if ((at.u8() & 3) != 0 && version > 1)
      refuse_layout("has an attribute of a shared type, which Keras does not write");
    if (version < 1 || version > 3) refuse("has an attribute of an unknown version");
    uint64_t name_size = at.u16(), type_size = at.u16(), shape_size = at.u16();
    if (version == 3) at.skip(1);
    auto part = [&](uint64_t size) { return at.take(version == 1 ? padded(size) : size).first(size); };
    std::span<const unsigned char> name = part(name_size);
    Attribute found;
    found.type = read_type(part(type_size));
    found.shape = read_shape(part(shape_size));
    uint64_t elements = found.shape.elements();
    if (elements > at.rest().size() / found.type.size) refuse("has an attribute that is cut short");
    std::span<const unsigned char> values = at.take(elements * found.type.size);
    source_.keep(sizeof(Attribute) + name.size() + values.size() + node_bytes, path_);
    found.data.assign(values.begin(), values.end());
    object_.attributes.emplace(std::string(name.begin(), std::find(name.begin(), name.end(), 0)),
                               std::move(found));
  }

  void read_links(uint64_t tree, uint64_t heap) {
    Bytes header = source_.metadata(heap, 32, path_);
    Cursor at = cursor(header);
    at.expect("HEAP");
    at.skip(4);
    uint64_t length = at.u64();
    at.skip(8);
    if (length > largest_heap) refuse("its list of names is too long");
    Bytes names = source_.metadata(at.u64(), length, path_);
    read_tree(names, tree, largest_tree_depth);
  }

  void read_tree(const Bytes& names, uint64_t address, int levels_allowed) {
    Bytes node = source_.metadata(address, tree_node_size, path_);
    Cursor at = cursor(node);
    at.expect("TREE");
    int type = at.u8();
    int level = at.u8();
    int used = at.u16();
    at.skip(16);
    if (type != 0 || level >= levels_allowed || used > 2 * internal_k)
      refuse("its table of members is damaged");
    for (int i = 0; i < used; ++i) {
      at.skip(8);
      uint64_t child = at.u64();
      if (level > 0)
        read_tree(names, child, level);
      else
        read_symbols(names, child);
    }
  }

  /// A group is written with messages for links, in place of a table, once it has a name outside ASCII.
  void check_link_info(std::span<const unsigned char> data) const {
    Cursor at = cursor(data);
    at.skip(1);
    bool ordered = (at.u8() & 1) != 0;
    if (ordered) at.skip(8);
    if (at.u64() != undefined_address)
      refuse_layout("keeps its links in a heap of the newer kind, which Keras does not write");
  }

  void read_link(std::span<const unsigned char> data) {
    Cursor at = cursor(data);
    if (at.u8() != 1) refuse("has a link of an unknown version");
    int flags = at.u8();
    bool has_type = (flags & 8) != 0, has_order = (flags & 4) != 0, has_charset = (flags & 16) != 0;
    int type = has_type ? at.u8() : 0;
    if (has_order) at.skip(8);
    if (has_charset) at.skip(1);
    uint64_t length = 0;
    for (int i = 0; i < 1 << (flags & 3); ++i) length |= uint64_t{at.u8()} << (8 * i);
    auto bytes = at.take(length);
    if (bytes.empty() || std::find(bytes.begin(), bytes.end(), 0) != bytes.end())
      refuse("has a link without a usable name");
    std::string name = member_name(bytes.begin(), bytes.end());
    if (type != 0) refuse_member(name, "is a soft link or an external link");
    object_.links.emplace(std::move(name), at.u64());
  }

  /// The name of a link, which is kept in memory.
  template <class Iterator>
  std::string member_name(Iterator begin, Iterator end) {
    source_.keep(static_cast<uint64_t>(end - begin) + node_bytes, path_);
    return std::string(begin, end);
  }

  [[noreturn]] void refuse_member(const std::string& name, std::string_view what) const {
    source_.refuse(path_.empty() ? name : fmt::format("{}/{}", path_, name),
                   fmt::format("{}; only plain groups and datasets are allowed", what));
  }

  void read_symbols(const Bytes& names, uint64_t address) {
    Bytes node = source_.metadata(address, symbol_node_size, path_);
    Cursor at = cursor(node);
    at.expect("SNOD");
    at.skip(2);
    int used = at.u16();
    if (used > 2 * leaf_k) refuse("its table of members is damaged");
    for (int i = 0; i < used; ++i) {
      uint64_t offset = at.u64();
      uint64_t header = at.u64();
      uint32_t cache = at.u32();
      at.skip(20);
      if (offset >= names.size()) refuse("its table of members is damaged");
      auto end = std::find(names.begin() + offset, names.end(), 0);
      if (end == names.end() || *(names.begin() + offset) == 0) refuse("its table of members is damaged");
      std::string name = member_name(names.begin() + offset, end);
      if (cache == cached_soft_link) refuse_member(name, "is a soft link");
      object_.links.emplace(std::move(name), header);
    }
  }

  Source& source_;
  std::string_view path_;
  Object object_;
  std::vector<Block> blocks_;
  int messages_ = 0;
  bool has_shape_ = false, has_type_ = false, has_layout_ = false;
};

}  // namespace

Object read_object(Source& source, uint64_t address, std::string_view path) {
  return ObjectParser(source, path).parse(address);
}

}  // namespace manul::hdf5
