#include "manul/models/tensorboard/record.h"

#include <array>
#include <bit>

namespace manul {
namespace {

/// What each byte does to the remainder, of the reflected polynomial.
constexpr std::array<uint32_t, 256> remainders() {
  constexpr uint32_t polynomial = 0x82f63b78;
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit)
      remainder = remainder & 1 ? remainder >> 1 ^ polynomial : remainder >> 1;
    table[byte] = remainder;
  }
  return table;
}

std::string little_endian(uint64_t value, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string masked_checksum(std::string_view bytes) {
  return little_endian(std::rotr(crc32c(bytes), 15) + 0xa282ead8U, 4);
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> table = remainders();
  uint32_t remainder = ~0U;
  for (char byte : bytes) remainder = remainder >> 8 ^ table[(remainder ^ static_cast<uint8_t>(byte)) & 0xff];
  return ~remainder;
}

std::string tf_record(std::string_view content) {
  std::string length = little_endian(content.size(), 8);
  std::string record = length + masked_checksum(length);
  record += content;
  return record + masked_checksum(content);
}

}  // namespace manul
