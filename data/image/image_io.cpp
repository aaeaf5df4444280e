#include "manul/data/image/image_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

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

Image decode(codec::Bytes bytes, std::string_view name, const ImageOptions& options) {
  if (bytes.empty()) fail(ErrorKind::data, "{}: the file is empty", name);
  switch (format_of(bytes)) {
    case Format::jpeg:
      return codec::decode_jpeg(bytes, name, options);
    case Format::png:
      return codec::decode_png(bytes, name, options.color_mode);
    case Format::gif:
      fail(ErrorKind::data, "{}: a GIF, a format that is not read", name);
    case Format::unknown:
      fail(ErrorKind::data, "{}: not a picture, whatever its name says", name);
    default:
      return codec::decode_other(bytes, name, options.color_mode);
  }
}

std::vector<uint8_t> read_file(const std::filesystem::path& file) {
  auto refuse = [&] { fail(ErrorKind::data, "{}: cannot be read: {}", file.string(), std::strerror(errno)); };
  int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) refuse();
  struct Closer {
    int descriptor;
    ~Closer() { ::close(descriptor); }
  } closer{descriptor};
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) refuse();
  if (!S_ISREG(status.st_mode)) fail(ErrorKind::data, "{}: not a file", file.string());
  constexpr int64_t most_bytes = int64_t{1} << 30;
  if (status.st_size > most_bytes)
    fail(ErrorKind::data, "{}: {} bytes are more than a picture file may have ({})", file.string(),
         status.st_size, most_bytes);
  std::vector<uint8_t> bytes(status.st_size);
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t count = ::read(descriptor, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse();
    if (count == 0) break;
    done += count;
  }
  bytes.resize(done);
  return bytes;
}

void write_file(const std::filesystem::path& file, const std::vector<uint8_t>& bytes) {
  std::ofstream stream(file, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) fail(ErrorKind::failed, "{}: cannot be written: {}", file.string(), std::strerror(errno));
}

}  // namespace

Image decode_image(std::span<const uint8_t> bytes, std::string_view name, const ImageOptions& options) {
  return resize(decode(bytes, name, options), options);
}

Image load_image(const std::filesystem::path& file, const ImageOptions& options) {
  return decode_image(read_file(file), file.string(), options);
}

void save_png(const std::filesystem::path& file, const Image& image) {
  write_file(file, codec::encode_png(image));
}

void save_jpeg(const std::filesystem::path& file, const Image& image, int quality) {
  write_file(file, codec::encode_jpeg(image, quality));
}

}  // namespace manul
