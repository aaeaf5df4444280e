#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "data/image_codec.h"
#include "data/image_io.h"
#include "framework/error.h"

#ifdef MANUL_STATIC_OPENCV
extern "C" manul::codec::OpenCvDecode manul_opencv_decode;
#endif

namespace manul::codec {
namespace {

#ifndef MANUL_STATIC_OPENCV
constexpr const char* module_name = "libmanul_opencv_codecs.so";

/// Beside the program, in the lib folder of its build or installation, or where the system looks.
void* open_module() {
  std::error_code error;
  std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const std::filesystem::path& folder :
       {program, program / ".." / "lib", std::filesystem::path(MANUL_INSTALL_LIBDIR),
        std::filesystem::path()}) {
    std::filesystem::path file = folder / module_name;
    if (!folder.empty() && !std::filesystem::exists(file, error)) continue;
    if (void* module = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) return module;
  }
  return nullptr;
}

#endif

OpenCvDecode* find_decode() {
  // OpenCV reads its limit once, when it is loaded.
  ::setenv("OPENCV_IO_MAX_IMAGE_PIXELS", std::to_string(most_pixels).c_str(), 1);
#ifdef MANUL_STATIC_OPENCV
  return manul_opencv_decode;
#else
  void* module = open_module();
  return module ? reinterpret_cast<OpenCvDecode*>(::dlsym(module, "manul_opencv_decode")) : nullptr;
#endif
}

}  // namespace

Image decode_other(Bytes bytes, std::string_view name, ColorMode mode) {
  static OpenCvDecode* const opencv_decode = find_decode();
  if (!opencv_decode)
    fail(ErrorKind::data,
         "{}: only JPEG and PNG can be read here, because libmanul_opencv_codecs.so was not built or is not "
         "found",
         name);
  Image read;
  std::string reason;
  if (!opencv_decode(bytes, read, reason)) fail(ErrorKind::data, "{}: {}", name, reason);
  if (read.channels == channels_of(mode)) return read;
  Image image(read.height, read.width, channels_of(mode));
  convert(read.pixels.data(), read.channels, mode, image.pixels.data(), size_t(image.height) * image.width);
  return image;
}

}  // namespace manul::codec
