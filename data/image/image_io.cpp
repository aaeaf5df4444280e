#include "manul/data/image/image_io.h"

#include <array>

#include "manul/data/image/image_codec.h"
#include "manul/data/image/orientation.h"
#include "manul/data/image/picture_format.h"
#include "manul/data/image/resize.h"
#include "manul/framework/error.h"

namespace manul {
namespace {

PictureFormat require_picture(codec::Bytes head, std::string_view name) {
  if (head.empty()) fail(ErrorKind::data, "{}: the file is empty", name);
  PictureFormat format = picture_format(head);
  if (format.name.empty()) fail(ErrorKind::data, "{}: not a picture, whatever its name says", name);
  if (format.decoder == PictureDecoder::none)
    fail(ErrorKind::data, "{}: {}, a format that is not read", name, format.name);
  return format;
}

/// A turned picture is decoded whole: which rows are wanted is known only after it is turned.
Image decode_oriented(codec::Bytes bytes, std::string_view name, const ImageOptions& options) {
  int orientation = options.exif_orientation ? exif_orientation(bytes) : 1;
  if (orientation == 1) return codec::decode_jpeg(bytes, name, options);
  ImageOptions whole = options;
  whole.height = whole.width = 0;
  return oriented(codec::decode_jpeg(bytes, name, whole), orientation);
}

Image decode(codec::Bytes bytes, std::string_view name, const ImageOptions& options) {
  switch (require_picture(bytes, name).decoder) {
    case PictureDecoder::jpeg:
      return decode_oriented(bytes, name, options);
    case PictureDecoder::png:
      return codec::decode_png(bytes, name, options.color_mode);
    case PictureDecoder::other:
      return codec::decode_other(bytes, name, options.color_mode);
    case PictureDecoder::none:  // require_picture() has thrown
      break;
  }
  fail(ErrorKind::data, "{}: no decoder reads it", name);
}

/// Looks at the first bytes before it reads the others.
std::vector<uint8_t> read_picture_file(const InputFile& file) {
  constexpr int64_t most_bytes = int64_t{1} << 30;
  std::array<uint8_t, picture_head> head{};
  auto length = static_cast<size_t>(file.read(0, head.data(), head.size()));
  require_picture(codec::Bytes(head.data(), length), file.name());
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
