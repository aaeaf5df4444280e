#include "manul/tools/support/training_pictures.h"

#include <filesystem>

#include "manul/framework/file_system.h"
#include "manul/tools/support/class_counts.h"
#include "manul/tools/support/drawn_pictures.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

AugmentOptions augmentation(const TrainOptions& options) {
  return {.rotation_range = options.rotation,
          .shear_range = options.shear,
          .zoom_low = 1 - options.zoom,
          .zoom_high = 1 + options.zoom,
          .horizontal_shift = options.shift,
          .vertical_shift = options.shift,
          .horizontal_flip = options.flip,
          .fill_mode = parse_fill_mode(options.fill_mode)};
}

/// Shows "Reading pictures 1200/8000" on `status`.
std::function<void(int64_t, int64_t)> show_progress(StatusLine& status, const char* verb, bool quiet) {
  if (quiet) return {};
  return [&status, verb](int64_t done, int64_t total) {
    status.show(fmt::format("{} pictures {}/{}", verb, done, total));
  };
}

int64_t mebibytes(int64_t bytes) {
  return (bytes + (1 << 20) - 1) >> 20;
}

/// Room for four batches at least, and for a few milliseconds of decoding where batches are small.
int64_t stream_mb(const TrainOptions& options, int64_t pictures) {
  int64_t rows = std::min(4 * options.batch, pictures);
  return std::max<int64_t>(16, mebibytes(rows * options.size * options.size * 3));
}

void report(const ImageDataset& pictures, const char* part, bool quiet) {
  for (const std::string& reason : pictures.bad_images())
    print_if_possible(stderr, "train_catdog: skipped {}\n", printable(reason));
  for (const std::string& warning : pictures.warnings())
    print_if_possible(stderr, "train_catdog: {}\n", printable(warning));
  const std::vector<std::string>& names = pictures.class_names();
  if (!quiet)
    print_if_possible(stdout, "{}: {}\n", part,
                      printable(counts_text(names, class_counts(pictures.files(), names.size()))));
}

std::unique_ptr<ImageDataset> read_folder(const ImageFolder& folder, const char* part,
                                          const AugmentOptions& augment, const TrainOptions& options,
                                          int64_t cache_mb, Device device, const std::atomic<bool>& stop) {
  StatusLine status(Terminal::of_stderr());
  auto side = static_cast<int>(options.size);
  auto pictures = std::make_unique<ImageDataset>(
      folder, ImageDatasetOptions{
                  .image = {.height = side,
                            .width = side,
                            .interpolation = parse_interpolation(options.interpolation)},
                  .augment = augment,
                  .on_bad_image = options.on_bad_image == "fail" ? OnBadImage::fail : OnBadImage::skip,
                  .cache_mb = cache_mb,
                  .stream_mb = stream_mb(options, static_cast<int64_t>(folder.files.size())),
                  .workers = options.workers,
                  .device = device,
                  .on_progress = show_progress(status, "Reading", options.quiet),
                  .stop = &stop});
  status.erase();
  report(*pictures, part, options.quiet);
  return pictures;
}

/// The folder of the validation pictures; empty if there is none.
fs::path validation_folder(const TrainOptions& options, const fs::path& data) {
  if (!options.validation.empty()) return options.validation;
  fs::path beside = absolute_path(data / "").parent_path().parent_path() / "test_set";
  bool usable = file_type(beside, ErrorKind::data) == FileType::folder && !is_same_file(beside, data);
  return usable ? beside : fs::path();
}

}  // namespace

PictureFolders find_pictures(const TrainOptions& options, const std::atomic<bool>& stop) {
  fs::path data = options.data;
  if (data.empty()) {
    StatusLine status(Terminal::of_stderr());
    data = drawn_pictures(show_progress(status, "Drawing", options.quiet), stop);
    if (!options.quiet)
      print_if_possible(stdout, "Drawn cats and dogs are kept in {}\n",
                        printable(data.parent_path().string()));
  }
  if (options.split > 0)
    return {ImageFolder::scan(data, ImageFolder::Subset::training, options.split),
            ImageFolder::scan(data, ImageFolder::Subset::validation, options.split)};
  PictureFolders folders{ImageFolder::scan(data), {}};
  if (fs::path validation = validation_folder(options, data); !validation.empty())
    folders.validation = ImageFolder::scan_for(validation, folders.train.class_names);
  return folders;
}

Pictures read_pictures(const PictureFolders& folders, const TrainOptions& options, Device device,
                       const std::atomic<bool>& stop) {
  Pictures pictures;
  int64_t cache_mb = options.cache_mb;  // one budget for both
  pictures.train =
      read_folder(folders.train, "Training", augmentation(options), options, cache_mb, device, stop);
  cache_mb -= std::min(cache_mb, mebibytes(pictures.train->cached_bytes()));
  if (folders.validation)
    pictures.validation = read_folder(*folders.validation, "Validation", {}, options, cache_mb, device, stop);
  return pictures;
}

}  // namespace manul
