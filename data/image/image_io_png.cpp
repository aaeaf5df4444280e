#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <string>
#include <utility>

#include "manul/data/image/image_codec.h"
#include "manul/framework/error.h"

namespace manul::codec {
namespace {

constexpr uint8_t end_chunk[12] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};

/// Where the chunks of a PNG end.
struct Extent {
  size_t length = 0;     // of all whole chunks, with IEND if it is there
  bool has_end = false;  // IEND is there
  std::string broken;    // name of the chunk that the file ends in the middle of, if any
};

Extent walk_chunks(Bytes bytes) {
  Extent extent{8, false, {}};
  while (extent.length < bytes.size()) {
    const uint8_t* chunk = bytes.data() + extent.length;
    size_t left = bytes.size() - extent.length;
    if (left < 12 && left < sizeof end_chunk && std::memcmp(chunk, end_chunk, left) == 0) return extent;
    if (left < 8) return {extent.length, false, "header"};
    size_t payload = size_t{chunk[0]} << 24 | size_t{chunk[1]} << 16 | size_t{chunk[2]} << 8 | chunk[3];
    if (left < 12 || payload > left - 12)
      return {extent.length, false, std::string(reinterpret_cast<const char*>(chunk + 4), 4)};
    extent.length += payload + 12;
    if (std::memcmp(chunk + 4, "IEND", 4) == 0) return {extent.length, true, {}};
  }
  return extent;
}

/// What libpng's callbacks share. Its errors leave by longjmp, which must not pass a C++ destructor:
/// guarded() is the only place that is jumped to, and what runs inside it owns nothing.
struct State {
  std::jmp_buf jump;
  char text[160] = {};
  Bytes bytes;  // what is left to read
  Bytes after;  // what follows `bytes`: an end chunk if the file has none
  std::vector<uint8_t>* output = nullptr;
};

[[noreturn]] void leave(png_structp png, png_const_charp text) {
  auto* state = static_cast<State*>(png_get_error_ptr(png));
  std::strncpy(state->text, text, sizeof state->text - 1);
  std::longjmp(state->jump, 1);
}

void read_bytes(png_structp png, png_bytep to, size_t count) {
  auto* state = static_cast<State*>(png_get_io_ptr(png));
  while (count > 0) {
    if (state->bytes.empty()) {
      if (state->after.empty()) leave(png, "the file ends too early");
      state->bytes = std::exchange(state->after, {});
    }
    size_t part = std::min(count, state->bytes.size());
    std::memcpy(to, state->bytes.data(), part);
    state->bytes = state->bytes.subspan(part);
    to += part;
    count -= part;
  }
}

template <class Function>
bool guarded(State& state, Function function) {
  if (setjmp(state.jump)) return false;
  function();
  return true;
}

/// Released even if a constructor throws half-way.
struct PngHandle {
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~PngHandle() { png_destroy_read_struct(&png, &info, nullptr); }
};

class PngDecoder {
 public:
  PngDecoder(Bytes bytes, std::string_view name) : name_(name), total_bytes_(bytes.size()) {
    Extent extent = walk_chunks(bytes);
    if (!extent.broken.empty())
      fail(ErrorKind::data, "{}: damaged PNG: the file ends in the middle of its {} chunk", name,
           extent.broken);
    lacks_end_ = !extent.has_end;
    state_.bytes = bytes.first(extent.length);
    if (lacks_end_) state_.after = end_chunk;
    run([&] {
      png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state_, leave, leave);
      info_ = png_create_info_struct(png_);
      png_set_read_fn(png_, &state_, read_bytes);
      png_set_user_limits(png_, 0x7FFFFFFF, 0x7FFFFFFF);
      png_set_crc_action(png_, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
      // Apart from the pixels only transparency is looked at: a faulty colour profile is not damage.
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_AS_DEFAULT,
                                  reinterpret_cast<png_const_bytep>("tRNS"), 1);
      png_read_info(png_, info_);
    });
    check_size(name, png_get_image_height(png_, info_), png_get_image_width(png_, info_));
  }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  bool lacks_end() const { return lacks_end_; }
  int height() const { return static_cast<int>(png_get_image_height(png_, info_)); }
  int width() const { return static_cast<int>(png_get_image_width(png_, info_)); }
  bool gray16() const {
    return png_get_color_type(png_, info_) == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png_, info_) == 16;
  }

  /// Asks libpng for whole bytes: gray, gray and alpha, RGB or RGBA, 16 bits only if gray16(); returns the
  /// number of channels.
  int start() {
    run([&] {
      png_set_packing(png_);
      if (!gray16()) png_set_expand(png_);  // palette, 1 to 4 bits, and tRNS to alpha
      if (gray16()) {
        png_set_swap(png_);
      } else {
        png_set_strip_16(png_);
      }
      png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
    });
    // Deflate cannot shrink a thousandfold and more: no memory for pixels that cannot be there.
    if (png_get_rowbytes(png_, info_) / 1100 * height() > total_bytes_)
      fail(ErrorKind::data, "{}: damaged PNG: {} bytes cannot hold {}x{} pixels", name_, total_bytes_,
           width(), height());
    return png_get_channels(png_, info_);
  }

  void read(uint8_t* to) {
    std::vector<png_bytep> rows(height());
    size_t stride = png_get_rowbytes(png_, info_);
    for (size_t y = 0; y < rows.size(); ++y) rows[y] = to + y * stride;
    run([&] {
      png_read_image(png_, rows.data());
      png_read_end(png_, nullptr);
    });
  }

 private:
  template <class Function>
  void run(Function function) {
    if (!guarded(state_, function)) fail(ErrorKind::data, "{}: damaged PNG: {}", name_, state_.text);
  }

  std::string_view name_;
  size_t total_bytes_;
  bool lacks_end_ = false;
  State state_;
  PngHandle handle_;
  png_structp& png_ = handle_.png;
  png_infop& info_ = handle_.info;
};

/// Pillow clips 16-bit gray to 8 bits for RGB, and keeps it for grayscale.
Image read_gray16(PngDecoder& decoder, ColorMode mode) {
  decoder.start();
  Image image(decoder.height(), decoder.width(), channels_of(mode));
  std::vector<uint16_t> values(size_t(image.height) * image.width);
  decoder.read(reinterpret_cast<uint8_t*>(values.data()));
  if (mode == ColorMode::grayscale) {
    image.pixels.clear();
    image.pixels16 = std::move(values);
    return image;
  }
  std::vector<uint8_t> clipped(values.size());
  std::transform(values.begin(), values.end(), clipped.begin(),
                 [](uint16_t value) { return static_cast<uint8_t>(std::min<int>(value, 255)); });
  if (auto lost = std::count_if(values.begin(), values.end(), [](uint16_t value) { return value > 255; }))
    image.warning = fmt::format("{} of {} pixels of 16-bit gray are above 255 and become white, as in Pillow",
                                lost, values.size());
  convert(clipped.data(), 1, mode, image.pixels.data(), clipped.size());
  return image;
}

}  // namespace

Image decode_png(Bytes bytes, std::string_view name, ColorMode mode) {
  PngDecoder decoder(bytes, name);
  Image image;
  if (decoder.gray16()) {
    image = read_gray16(decoder, mode);
  } else {
    int channels = decoder.start();
    Image read(decoder.height(), decoder.width(), channels);
    decoder.read(read.pixels.data());
    if (channels == channels_of(mode)) {
      image = std::move(read);
    } else {
      image = Image(read.height, read.width, channels_of(mode));
      convert(read.pixels.data(), channels, mode, image.pixels.data(), size_t(image.height) * image.width);
    }
  }
  if (decoder.lacks_end())
    image.warning +=
        image.warning.empty() ? "the PNG lacks its end marker" : "; the PNG lacks its end marker";
  if (!image.warning.empty()) image.warning = fmt::format("{}: {}", name, image.warning);
  return image;
}

std::vector<uint8_t> encode_png(const Image& image) {
  check(!image.pixels.empty(), "save_png: no 8-bit pixels to write");
  constexpr int color_types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                 PNG_COLOR_TYPE_RGB_ALPHA};
  std::vector<uint8_t> bytes;
  State state;
  state.output = &bytes;
  png_structp png = nullptr;
  png_infop info = nullptr;
  bool done = guarded(state, [&] {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &state, leave, leave);
    info = png_create_info_struct(png);
    auto append = [](png_structp writer, png_bytep from, size_t count) {
      auto* output = static_cast<State*>(png_get_io_ptr(writer))->output;
      output->insert(output->end(), from, from + count);
    };
    png_set_write_fn(png, &state, append, nullptr);
    png_set_IHDR(png, info, image.width, image.height, 8, color_types[image.channels], PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < image.height; ++y) png_write_row(png, image.row(y));
    png_write_end(png, info);
  });
  png_destroy_write_struct(&png, &info);
  check(done, "save_png: {}", state.text);
  return bytes;
}

}  // namespace manul::codec
