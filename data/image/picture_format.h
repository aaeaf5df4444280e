#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace manul {

/// How a kind of picture file is decoded here; `none` for kinds that are known but not read.
enum class PictureDecoder { jpeg, png, other, none };

/// A kind of picture file.
struct PictureFormat {
  std::string_view
      name;  // with its article: "a JPEG"; empty if the file begins like no picture that is known
  PictureDecoder decoder = PictureDecoder::none;
};

/// As many of a file's first bytes as picture_format() looks at.
inline constexpr size_t picture_head = 16;

/// What a file that begins with `head` is, whatever its name says.
PictureFormat picture_format(std::span<const uint8_t> head);

}  // namespace manul
