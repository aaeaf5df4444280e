#include "manul/framework/utf8.h"

#include <fmt/format.h>

#include <charconv>

namespace manul {

Utf8Character first_utf8_character(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return {byte(0), 1, true};
  size_t bytes = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || bytes > text.size()) return {};
  uint32_t code = byte(0) & (0x7f >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && (code < 0x10000 || code > 0x10ffff));
  bool surrogate = code >= 0xd800 && code < 0xe000;
  if (overlong || surrogate) return {};
  return {code, bytes, true};
}

std::string utf8_of_name(std::string_view name) {
  bool valid = true;
  for (std::string_view rest = name; valid && !rest.empty();) {
    Utf8Character next = first_utf8_character(rest);
    valid = next.valid && next.code != 0;
    rest.remove_prefix(next.bytes);
  }
  if (valid) return std::string(name);
  std::string text(1, '\0');
  for (unsigned char byte : name) text += fmt::format("{:02x}", byte);
  return text;
}

std::string name_of_utf8(std::string_view text) {
  if (!text.starts_with('\0') || text.size() % 2 == 0) return std::string(text);
  std::string name;
  for (size_t i = 1; i + 1 < text.size(); i += 2) {
    unsigned char byte = 0;
    auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (error != std::errc() || end != text.data() + i + 2) return std::string(text);
    name += static_cast<char>(byte);
  }
  return name;
}

}  // namespace manul
