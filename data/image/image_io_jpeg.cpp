#include <cstdio>  // jpeglib.h needs FILE

#include <jpeglib.h>

#include <jerror.h>

#include <algorithm>
#include <csetjmp>
#include <cstdlib>
#include <cstring>

#include "manul/data/image/image_codec.h"
#include "manul/data/image/resize.h"
#include "manul/framework/error.h"

namespace manul::codec {
namespace {

/// libjpeg leaves an error by longjmp, which must not pass a C++ destructor: guarded() is the only place that
/// is jumped to, and what runs inside it owns nothing.
struct ErrorState {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  char text[JMSG_LENGTH_MAX];
  bool tolerant = false;  // warnings are kept, the first in `text`
  bool warned = false;
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* state = reinterpret_cast<ErrorState*>(info->err);
  info->err->format_message(info, state->text);
  std::longjmp(state->jump, 1);
}

/// Warnings mean lost or made-up pixels, except two about the header's colours and version.
void on_message(j_common_ptr info, int level) {
  int code = info->err->msg_code;
  if (level >= 0 || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM) return;
  auto* state = reinterpret_cast<ErrorState*>(info->err);
  if (!state->tolerant) leave(info);
  if (!state->warned) info->err->format_message(info, state->text);
  state->warned = true;
}

void ignore_output(j_common_ptr) {}

void set_errors(ErrorState& state) {
  jpeg_std_error(&state.manager);
  state.manager.error_exit = leave;
  state.manager.emit_message = on_message;
  state.manager.output_message = ignore_output;
}

/// Calls function(), which must own nothing that needs a destructor; false if libjpeg gave up.
template <class Function>
bool guarded(ErrorState& state, Function function) {
  if (setjmp(state.jump)) return false;
  function();
  return true;
}

/// Each scan of a progressive file is another pass over the whole picture, whatever it holds: a small file
/// may ask for minutes of work. Encoders write about ten; more than a hundred are none's, and of large
/// pictures fewer are enough.
int most_scans(int64_t pixels) {
  constexpr int64_t most_passed_pixels = int64_t{1} << 31;
  constexpr int fewest = 12, most = 100;
  return static_cast<int>(
      std::clamp<int64_t>(most_passed_pixels / std::max<int64_t>(pixels, 1), fewest, most));
}

void limit_scans(j_common_ptr info) {
  auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
  int most = most_scans(int64_t{decompress->image_height} * decompress->image_width);
  if (decompress->input_scan_number <= most) return;
  auto* state = reinterpret_cast<ErrorState*>(info->err);
  std::snprintf(state->text, sizeof state->text, "it has more scans than the %d that are read of its size",
                most);
  std::longjmp(state->jump, 1);
}

/// Released even if a constructor throws half-way.
struct Handle {
  jpeg_decompress_struct info{};
  ~Handle() { jpeg_destroy_decompress(&info); }
};

class Decoder {
 public:
  Decoder(Bytes bytes, std::string_view name, bool tolerant) : name_(name) {
    info_.err = &errors_.manager;
    set_errors(errors_);
    errors_.tolerant = tolerant;
    progress_.progress_monitor = limit_scans;
    run([&] {
      jpeg_create_decompress(&info_);
      info_.progress = &progress_;
      jpeg_mem_src(&info_, bytes.data(), bytes.size());
      jpeg_read_header(&info_, TRUE);
    });
    check_size(name, info_.image_height, info_.image_width);
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// What was wrong and tolerated; empty if nothing.
  std::string warning() const {
    return errors_.warned ? fmt::format("{}: a damaged JPEG, taken as it is: {}", name_, errors_.text) : "";
  }
  int height() const { return static_cast<int>(info_.image_height); }
  int width() const { return static_cast<int>(info_.image_width); }

  /// Chooses among libjpeg's colours those nearest to `mode`; returns their number of channels.
  int start(ColorMode mode) {
    if (info_.num_components != 1 && info_.num_components != 3 && info_.num_components != 4)
      fail(ErrorKind::data, "{}: a JPEG of {} components", name_, info_.num_components);
    info_.dct_method = JDCT_ISLOW;
    info_.do_fancy_upsampling = TRUE;
    info_.out_color_space = info_.num_components == 4                                   ? JCS_CMYK
                            : info_.num_components == 1 && mode == ColorMode::grayscale ? JCS_GRAYSCALE
                                                                                        : JCS_RGB;
    run([&] { jpeg_start_decompress(&info_); });
    return info_.output_components;
  }

  /// Decodes row `y`, at or below the last one read, into `to`.
  void read_row(int y, uint8_t* to) {
    run([&] {
      skip_to(y);
      jpeg_read_scanlines(&info_, &to, 1);
    });
  }
  /// Reads on to the end marker, so that damage below the last row that was wanted is seen. `line` is room
  /// for a row: libjpeg would not look at rows that are skipped up to the very end.
  void finish(uint8_t* line) {
    run([&] {
      if (static_cast<int>(info_.output_scanline) < height()) {
        skip_to(height() - 1);
        jpeg_read_scanlines(&info_, &line, 1);
      }
      jpeg_finish_decompress(&info_);
    });
  }

 private:
  template <class Function>
  void run(Function function) {
    if (guarded(errors_, function)) return;
    fail(ErrorKind::data, "{}: damaged JPEG: {}", name_, errors_.text);
  }
  void skip_to(int y) {
    if (y > static_cast<int>(info_.output_scanline)) jpeg_skip_scanlines(&info_, y - info_.output_scanline);
  }

  std::string_view name_;
  ErrorState errors_{};
  jpeg_progress_mgr progress_{};
  Handle handle_;
  jpeg_decompress_struct& info_ = handle_.info;
};

/// CMYK as Adobe writes it, inverted, in place to RGB: clip(keep - ink * keep / 255) with keep = 255 - black.
void cmyk_to_rgb(uint8_t* pixels, int count) {
  uint8_t* to = pixels;
  for (int i = 0; i < count; ++i, pixels += 4, to += 3) {
    int keep = pixels[3];
    for (int c = 0; c < 3; ++c) {
      int t = (255 - pixels[c]) * keep + 128;
      to[c] = static_cast<uint8_t>(keep - (((t >> 8) + t) >> 8));
    }
  }
}

void pick_columns(const uint8_t* from, int channels, const std::vector<int>& columns, uint8_t* to) {
  if (channels == 1) {
    for (int x : columns) *to++ = from[x];
  } else {
    for (int x : columns) to = std::copy_n(from + int64_t{x} * 3, 3, to);
  }
}

}  // namespace

Image decode_jpeg(Bytes bytes, std::string_view name, const ImageOptions& options) {
  Decoder decoder(bytes, name, options.tolerant);
  ResizeAxes axes = resize_axes(decoder.height(), decoder.width(), options);
  // Whole rows that nearest does not want are entropy-decoded only; what it wants is the same to the bit.
  bool nearest = options.interpolation == Interpolation::nearest;
  if (!nearest) axes = resize_axes(decoder.height(), decoder.width(), {});
  std::vector<int> rows = nearest_indices(axes.rows), columns = nearest_indices(axes.columns);

  int channels = decoder.start(options.color_mode);
  std::vector<uint8_t> memory(size_t(decoder.width()) * channels + 1), picked(columns.size() * 3);
  // Into an aligned row libjpeg-turbo writes past the cache, and reading it back would cost a third of the
  // decoding.
  uint8_t* line = memory.data() + 1;
  int read = -1;
  Image image(axes.rows.target, axes.columns.target, channels_of(options.color_mode));
  for (int y = 0; y < image.height; ++y) {
    if (rows[y] == read) {
      std::copy_n(image.row(y - 1), size_t(image.width) * image.channels, image.row(y));
      continue;
    }
    read = rows[y];
    decoder.read_row(read, line);
    if (channels == 4) cmyk_to_rgb(line, decoder.width());
    int kept = std::min(channels, 3);
    const uint8_t* from = line;
    if (axes.columns.changes()) {
      pick_columns(line, kept, columns, picked.data());
      from = picked.data();
    }
    convert(from, kept, options.color_mode, image.row(y), image.width);
  }
  decoder.finish(line);
  image.warning = decoder.warning();
  return image;
}

std::vector<uint8_t> encode_jpeg(const Image& image, int quality) {
  check(!image.pixels.empty() && (image.channels == 1 || image.channels == 3),
        "save_jpeg: a picture of {} channels; 8-bit gray or RGB can be written", image.channels);
  jpeg_compress_struct info{};
  ErrorState errors{};
  set_errors(errors);
  info.err = &errors.manager;
  unsigned char* buffer = nullptr;
  unsigned long length = 0;
  bool done = guarded(errors, [&] {
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &buffer, &length);
    info.image_width = image.width;
    info.image_height = image.height;
    info.input_components = image.channels;
    info.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, quality, TRUE);
    jpeg_start_compress(&info, TRUE);
    for (int y = 0; y < image.height; ++y) {
      auto* row = const_cast<JSAMPROW>(image.row(y));
      jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
  });
  std::vector<uint8_t> bytes;
  if (done) bytes.assign(buffer, buffer + length);
  jpeg_destroy_compress(&info);
  std::free(buffer);
  check(done, "save_jpeg: {}", errors.text);
  return bytes;
}

}  // namespace manul::codec
