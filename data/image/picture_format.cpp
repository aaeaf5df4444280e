#include "manul/data/image/picture_format.h"

#include <cctype>
#include <cstring>

namespace manul {
namespace {

/// Bytes that a file of that kind has at an offset.
struct Signature {
  std::string_view magic;
  size_t at;
  PictureFormat format;
};

using namespace std::string_view_literals;

constexpr Signature signatures[] = {
    {"\xFF\xD8\xFF"sv, 0, {"a JPEG", PictureDecoder::jpeg}},
    {"\x89PNG\r\n\x1A\n"sv, 0, {"a PNG", PictureDecoder::png}},
    {"BM"sv, 0, {"a BMP", PictureDecoder::other}},
    {"II*\0"sv, 0, {"a TIFF", PictureDecoder::other}},
    {"MM\0*"sv, 0, {"a TIFF", PictureDecoder::other}},
    {"WEBP"sv, 8, {"a WebP", PictureDecoder::other}},
    {"GIF8"sv, 0, {"a GIF"}},
    {"ftyphei"sv, 4, {"a HEIC picture"}},
    {"ftyphev"sv, 4, {"a HEIC picture"}},
    {"ftypmif1"sv, 4, {"a HEIC picture"}},
    {"ftypmsf1"sv, 4, {"a HEIC picture"}},
    {"ftypavi"sv, 4, {"an AVIF picture"}},
    {"jP  \r\n\x87\n"sv, 4, {"a JPEG 2000 picture"}},
    {"\xFF\x4F\xFF\x51"sv, 0, {"a JPEG 2000 picture"}},
    {"JXL \r\n\x87\n"sv, 4, {"a JPEG XL picture"}},
    {"\xFF\x0A"sv, 0, {"a JPEG XL picture"}},
    {"8BPS"sv, 0, {"a Photoshop document"}},
    {"\0\0\1\0"sv, 0, {"an icon"}},
    {"<svg"sv, 0, {"an SVG drawing"}},
};

bool is_portable_map(std::span<const uint8_t> head) {
  return head.size() > 2 && head[0] == 'P' && head[1] >= '1' && head[1] <= '6' && std::isspace(head[2]);
}

}  // namespace

PictureFormat picture_format(std::span<const uint8_t> head) {
  for (const Signature& signature : signatures)
    if (head.size() >= signature.at + signature.magic.size() &&
        std::memcmp(head.data() + signature.at, signature.magic.data(), signature.magic.size()) == 0)
      return signature.format;
  if (is_portable_map(head)) return {"a PPM or PGM", PictureDecoder::other};
  return {};
}

}  // namespace manul
