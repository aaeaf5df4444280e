#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace manul {

/// CRC-32C (Castagnoli), RFC 3720: of "123456789" it is 0xe3069283.
uint32_t crc32c(std::string_view bytes);

/// One record of a TFRecord file: the length in 8 bytes, its checksum, the content, its checksum; all
/// little-endian. Checksums are masked: rotated right by 15 bits, plus 0xa282ead8, as the format wants it.
std::string tf_record(std::string_view content);

}  // namespace manul
