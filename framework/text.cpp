#include "manul/framework/text.h"

#include <fmt/format.h>

namespace manul {
namespace {

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

}  // namespace

std::string shortened(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  size_t first = most * 2 / 3, last = text.size() - most / 3;
  while (first > 0 && continues_character(text[first])) --first;
  while (last < text.size() && continues_character(text[last])) ++last;
  return fmt::format("{} .. ({} bytes) .. {}", text.substr(0, first), last - first, text.substr(last));
}

}  // namespace manul
