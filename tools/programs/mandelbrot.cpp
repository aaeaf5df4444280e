#include <cmath>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/stopwatch.h"
#include "manul/framework/warning.h"
#include "manul/tools/programs/mandelbrot_kernel.h"
#include "manul/tools/support/memory.h"
#include "manul/tools/support/output_file.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

struct Rgb {
  uint8_t red, green, blue;
};

/// Nine colours at equal distances, from the first count to the last.
struct Colormap {
  std::string name;
  std::array<Rgb, 9> colors;
};

const std::vector<Colormap>& colormaps() {
  static const std::vector<Colormap> maps = {
      {"viridis",
       {{{68, 1, 84},
         {71, 44, 122},
         {59, 81, 139},
         {44, 113, 142},
         {33, 144, 141},
         {39, 173, 129},
         {92, 200, 99},
         {170, 220, 50},
         {253, 231, 37}}}},
      {"inferno",
       {{{0, 0, 4},
         {31, 12, 72},
         {85, 15, 109},
         {136, 34, 106},
         {186, 54, 85},
         {227, 89, 51},
         {249, 140, 10},
         {249, 201, 50},
         {252, 255, 164}}}},
      {"hot",
       {{{0, 0, 0},
         {85, 0, 0},
         {170, 0, 0},
         {255, 0, 0},
         {255, 85, 0},
         {255, 170, 0},
         {255, 255, 0},
         {255, 255, 128},
         {255, 255, 255}}}},
      {"gray",
       {{{0, 0, 0},
         {32, 32, 32},
         {64, 64, 64},
         {96, 96, 96},
         {128, 128, 128},
         {159, 159, 159},
         {191, 191, 191},
         {223, 223, 223},
         {255, 255, 255}}}},
  };
  return maps;
}

const Colormap& colormap_named(const std::string& name) {
  std::string names;
  for (const Colormap& map : colormaps()) {
    if (map.name == name) return map;
    names += (names.empty() ? "" : ", ") + map.name;
  }
  fail(ErrorKind::usage, "colormap: '{}' is not one of {}", name, names);
}

/// The colour at `position` in [0, 1], interpolated linearly.
Rgb color_at(const Colormap& map, double position) {
  double scaled = position * static_cast<double>(map.colors.size() - 1);
  size_t below = std::min(static_cast<size_t>(scaled), map.colors.size() - 2);
  double part = scaled - static_cast<double>(below);
  auto mix = [&](uint8_t Rgb::*channel) {
    double low = map.colors[below].*channel, high = map.colors[below + 1].*channel;
    return static_cast<uint8_t>(std::lround(low + part * (high - low)));
  };
  return {mix(&Rgb::red), mix(&Rgb::green), mix(&Rgb::blue)};
}

Image colored(const Tensor& counts, int iterations, const Colormap& map) {
  std::vector<Rgb> palette;
  for (int count = 0; count <= iterations; ++count)
    palette.push_back(color_at(map, iterations == 0 ? 0.0 : static_cast<double>(count) / iterations));
  Image image(static_cast<int>(counts.shape()[0]), static_cast<int>(counts.shape()[1]), 3);
  const auto* count = counts.data<int32_t>();
  cpu::parallel_for(counts.elements(), 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Rgb& color = palette[static_cast<size_t>(count[i])];
      image.pixels[3 * i] = color.red;
      image.pixels[3 * i + 1] = color.green;
      image.pixels[3 * i + 2] = color.blue;
    }
  });
  return image;
}

struct Settings {
  int64_t width = 1536, height = 1024;
  int iterations = 20;
  std::vector<double> center{-0.5, 0.0};
  double zoom = 1;
  std::string colormap = "viridis", precision = "double", output = "mandelbrot.png";
};

/// Square pixels, as large as the article's rectangle (real -2 to 1, imaginary -1 to 1) needs to fit in.
MandelbrotView view_of(const Settings& settings) {
  auto width = static_cast<double>(settings.width), height = static_cast<double>(settings.height);
  double pixel = std::max(3.0 / width, 2.0 / height) / settings.zoom;
  return {.left = settings.center[0] - pixel * width / 2,
          .top = settings.center[1] - pixel * height / 2,
          .pixel_width = pixel,
          .pixel_height = pixel,
          .iterations = settings.iterations};
}

/// What a GPU takes without the copy to the host: the median of a few rounds, each of runs that are submitted
/// together, so that starting the device and waiting for it do not count.
void report_kernel(const MandelbrotView& view, DType precision, const Settings& settings, Device device) {
  constexpr int rounds = 5, runs = 20;
  Tensor counts = mandelbrot(settings.width, settings.height, view, precision, device);
  double seconds = median_seconds(device, rounds, [&] {
    for (int run = 0; run < runs; ++run) mandelbrot_kernel(view, precision, counts);
  });
  print_result("Mandelbrot created on GPU in {:.6f} s\n", seconds / runs);
}

/// The distance of numbers of a precision around a coordinate.
double spacing_at(double coordinate, DType precision) {
  double size = std::abs(coordinate);
  if (precision == DType::f64) return std::nextafter(size, HUGE_VAL) - size;
  auto single = static_cast<float>(size);
  return static_cast<double>(std::nextafter(single, HUGE_VALF)) - single;
}

/// Where pixels lie closer together than the numbers of the precision, neighbours are the same number, and
/// the picture is made of blocks; in the end of one. Throws ErrorKind::usage if it is of a few.
void look_at_depth(const MandelbrotView& view, const Settings& settings, DType precision) {
  auto width = static_cast<double>(settings.width), height = static_cast<double>(settings.height);
  double right = view.left + view.pixel_width * width, bottom = view.top + view.pixel_height * height;
  double spacing = std::max(spacing_at(std::max(std::abs(view.left), std::abs(right)), precision),
                            spacing_at(std::max(std::abs(view.top), std::abs(bottom)), precision));
  if (view.pixel_width >= spacing) return;
  std::string text = fmt::format(
      "zoom: at {:.3g} the pixels lie closer together than the numbers of {} precision, which end here at a "
      "zoom of {:.1g}",
      settings.zoom, settings.precision, settings.zoom * view.pixel_width / spacing);
  const char* deeper = precision == DType::f32 ? "; --precision double goes on" : "";
  constexpr double few_blocks = 16;
  if (view.pixel_width * std::min(width, height) < few_blocks * spacing)
    fail(ErrorKind::usage, "{}{}", text, deeper);
  warn("{}: the picture is made of blocks{}", text, deeper);
}

int draw(const Settings& settings, Device device) {
  const Colormap& map = colormap_named(settings.colormap);
  require_picture_name(settings.output);
  prepare_output_file(settings.output);
  constexpr int64_t bytes_a_pixel = sizeof(int32_t) + sizeof(Rgb);  // its count and its colour
  require_memory(fmt::format("{} x {} pixels", settings.width, settings.height),
                 settings.width * settings.height * bytes_a_pixel);
  DType precision = settings.precision == "single" ? DType::f32 : DType::f64;
  MandelbrotView view = view_of(settings);
  look_at_depth(view, settings, precision);
  if (device.is_cuda()) report_kernel(view, precision, settings, device);
  Stopwatch watch;
  Tensor counts = mandelbrot(settings.width, settings.height, view, precision, device).to(Device::cpu());
  print_result("Mandelbrot created in {:.4f} s\n", watch.seconds());
  Image picture = colored(counts, settings.iterations, map);
  counts = {};  // the file is made in memory as well
  save_picture(settings.output, picture);
  print_if_possible(stderr, "{} x {} pixels in {}\n", settings.width, settings.height,
                    printable(settings.output));
  return 0;
}

}  // namespace
}  // namespace manul

int main(int argc, char** argv) {
  manul::Program program("mandelbrot", "Draws the Mandelbrot set.",
                         "  mandelbrot\n"
                         "  mandelbrot --center -0.7436 0.1318 --zoom 500 --iterations 1000\n"
                         "  mandelbrot --width 7680 --height 5120 --colormap inferno --output large.png\n");
  manul::Settings settings;
  CLI::App& options = program.options();
  constexpr int64_t longest = 65500;  // that a JPEG file can have
  options.add_option("--width", settings.width, "Pixels")
      ->check(manul::integer_in(1, longest))
      ->capture_default_str();
  options.add_option("--height", settings.height, "Pixels")
      ->check(manul::integer_in(1, longest))
      ->capture_default_str();
  options.add_option("--iterations", settings.iterations, "At most this many per pixel")
      ->check(manul::integer_in(0, 1 << 24))
      ->capture_default_str();
  options.add_option("--center", settings.center, "Real and imaginary part of the centre")
      ->expected(2)
      ->check(manul::number_in(-1e6, 1e6))
      ->type_name("RE IM")
      ->default_str("-0.5 0");
  options.add_option("--zoom", settings.zoom, "How much closer than the whole set")
      ->check(manul::number_in(1e-3, 1e15))
      ->capture_default_str();
  options.add_option("--colormap", settings.colormap, "viridis, inferno, hot or gray")
      ->type_name("NAME")
      ->capture_default_str();
  options
      .add_option("--precision", settings.precision,
                  "double, or single: faster on a GPU, but some edges differ")
      ->check(CLI::IsMember({"double", "single"}))
      ->capture_default_str();
  options.add_option("-o,--output", settings.output, "The picture to write: a .png or a .jpg file")
      ->type_name("FILE")
      ->capture_default_str();
  program.add_device_option();
  program.add_threads_option();
  return program.run(argc, argv, [&] { return manul::draw(settings, program.device()); });
}
