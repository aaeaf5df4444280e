#include "manul/data/image/image_io.h"

#include <array>
#include <cctype>
#include <cstring>

#include "manul/data/image/image_codec.h"
#include "manul/data/image/resize.h"
#include "manul/framework/error.h"

namespace manul {
namespace {

enum class Format { jpeg, png, bmp, portable_map, tiff, webp, gif, unknown };

Format format_of(codec::Bytes bytes) {
  auto begins = [&](std::string_view magic, size_t at = 0) {
    return bytes.size() >= at + magic.size() &&
           std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
  };
  if (begins("\xFF\xD8\xFF")) return Format::jpeg;
  if (begins("\x89PNG\r\n\x1A\n")) return Format::png;
  if (begins("BM")) return Format::bmp;
  if (bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' && std::isspace(bytes[2]))
    return Format::portable_map;
  if (begins({"II*\0", 4}) || begins({"MM\0*", 4})) return Format::tiff;
  if (begins("RIFF") && begins("WEBP", 8)) return Format::webp;
  if (begins("GIF8")) return Format::gif;
  return Format::unknown;
}

void require_picture(Format format, size_t bytes, std::string_view name) {
  if (bytes == 0) fail(ErrorKind::data, "{}: the file is empty", name);
  if (format == Format::gif) fail(ErrorKind::data, "{}: a GIF, a format that is not read", name);
  if (format == Format::unknown) fail(ErrorKind::data, "{}: not a picture, whatever its name says", name);
}

Image decode(codec::Bytes bytes, std::string_view name, const ImageOptions& options) {
  Format format = format_of(bytes);
  require_picture(format, bytes.size(), name);
  switch (format) {
    case Format::jpeg:
      return codec::decode_jpeg(bytes, name, options);
    case Format::png:
      return codec::decode_png(bytes, name, options.color_mode);
    default:
      return codec::decode_other(bytes, name, options.color_mode);
  }
}

/// Looks at the first bytes before it reads the others.
std::vector<uint8_t> read_picture_file(const InputFile& file) {
  constexpr int64_t most_bytes = int64_t{1} << 30;
  std::array<uint8_t, 16> head{};
  auto length = static_cast<size_t>(file.read(0, head.data(), head.size()));
  require_picture(format_of(codec::Bytes(head.data(), length)), length, file.name());
  return file.read_all(most_bytes);
}

}  // namespace

Image decode_image(std::span<const uint8_t> bytes, std::string_view name, const ImageOptions& options) {
  if (options.height > 0 && options.width > 0) codec::check_size(name, options.height, options.width);
  return resize(decode(bytes, name, options), options);
}

Image load_image(const InputFile& file, const ImageOptions& options) {
  return decode_image(read_picture_file(file), file.name(), options);
}

Image load_image(const std::filesystem::path& file, const ImageOptions& options) {
  return load_image(InputFile(file, ErrorKind::data), options);
}

void save_png(const std::filesystem::path& file, const Image& image) {
  write_bytes(file, codec::encode_png(image));
}

void save_jpeg(const std::filesystem::path& file, const Image& image, int quality) {
  write_bytes(file, codec::encode_jpeg(image, quality));
}

}  // namespace manul
