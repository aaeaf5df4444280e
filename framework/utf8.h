#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace manul {

/// A character of UTF-8 text.
struct Utf8Character {
  uint32_t code = 0;
  size_t bytes = 1;
  bool valid = false;
};

/// The first character of text that is not empty; one byte, not valid, if there is none.
Utf8Character first_utf8_character(std::string_view text);

/// `name`, which may be any bytes without a zero (names of files and folders), as UTF-8 that JSON can hold:
/// itself where it is UTF-8, otherwise a zero and its bytes in hexadecimal digits.
std::string utf8_of_name(std::string_view name);
/// The name that utf8_of_name() gave `text` for.
std::string name_of_utf8(std::string_view text);

}  // namespace manul
