#pragma once

#include <cstdint>

/// The numbers of the HDF5 file format ("HDF5 File Format Specification Version 1.1") that Keras' files use:
/// superblock 0, object headers 1, symbol-table groups, contiguous data. Everything is little-endian, offsets
/// and lengths have 8 bytes.
namespace manul::hdf5 {

inline constexpr unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
inline constexpr uint64_t undefined_address = ~uint64_t{0};
inline constexpr uint64_t superblock_size = 96;

enum Message : uint16_t {
  dataspace = 0x01,
  link_info = 0x02,
  datatype = 0x03,
  fill_value = 0x05,
  link = 0x06,
  external_files = 0x07,
  layout = 0x08,
  filter_pipeline = 0x0b,
  attribute = 0x0c,
  continuation = 0x10,
  symbol_table = 0x11,
  attribute_info = 0x15,
};

enum TypeClass : uint8_t { integer = 0, floating_point = 1, fixed_string = 3, variable_length = 9 };

/// Symbol table nodes hold up to 8 entries, B-tree nodes up to 32 children: the sizes that the superblock
/// declares.
inline constexpr uint16_t leaf_k = 4;
inline constexpr uint16_t internal_k = 16;
inline constexpr uint64_t symbol_entry_size = 40;
inline constexpr uint64_t symbol_node_size = 8 + uint64_t{2} * leaf_k * symbol_entry_size;
inline constexpr uint64_t tree_node_size = 24 + uint64_t{8} * (4 * internal_k + 1);
inline constexpr uint32_t cached_symbol_table = 1;
inline constexpr uint32_t cached_soft_link = 2;

/// Messages of an object header are limited to 64 KiB; Keras splits lists of names beyond this many bytes.
inline constexpr uint64_t attribute_limit = 64512;

inline constexpr uint64_t padded(uint64_t bytes) {
  return (bytes + 7) & ~uint64_t{7};
}

}  // namespace manul::hdf5
