#include "manul/tools/support/training_pictures.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "manul/data/datasets/image_shards.h"
#include "manul/framework/file_system.h"
#include "manul/framework/warning.h"
#include "manul/tools/support/class_counts.h"
#include "manul/tools/support/drawn_pictures.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

AugmentOptions augmentation(const TrainOptions& options, float rescale) {
  return {.rotation_range = options.rotation,
          .shear_range = options.shear,
          .zoom_low = 1 - options.zoom,
          .zoom_high = 1 + options.zoom,
          .horizontal_shift = options.shift,
          .vertical_shift = options.shift,
          .horizontal_flip = options.flip,
          .fill_mode = parse_fill_mode(options.fill_mode),
          .rescale = rescale};
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
int64_t stream_mb(const TrainOptions& options, int64_t pictures, const ImageOptions& image) {
  int64_t rows = std::min(4 * options.batch, pictures);
  return std::max<int64_t>(16, mebibytes(rows * image.height * image.width * channels_of(image.color_mode)));
}

/// Whatever happens to thousands of files is told of the first ones and in total.
void tell_warnings(const std::vector<std::string>& warnings) {
  constexpr size_t most = 5;
  for (size_t i = 0; i < std::min(most, warnings.size()); ++i) warn_text(warnings[i]);
  if (warnings.size() > most)
    warn("{} more such warnings, {} in all", warnings.size() - most, warnings.size());
}

/// "3 hidden files or folders, 1 file that is no picture", or the pictures among them, each with its place.
std::string ignored_text(const IgnoredFiles& ignored, bool pictures) {
  std::string text;
  for (const IgnoredFiles::Reason& reason : ignored.reasons()) {
    if (reason.is_picture != pictures) continue;
    text += (text.empty() ? "" : ", ") + reason.text();
    if (pictures)
      text += fmt::format(" ({}{})", reason.count > 1 ? "the first is " : "", reason.first.string());
  }
  return text;
}

/// Prints what was read and what was not; returns the latter.
std::string report(const ImageDataset& pictures, const IgnoredFiles& ignored, const char* part,
                   const TrainOptions& options) {
  for (const std::string& reason : pictures.bad_images()) warn("skipped {}", reason);
  tell_warnings(pictures.warnings());
  std::string unread = ignored_text(ignored, true), text = ignored_text(ignored, false);
  if (!unread.empty()) warn("{}: left out {}", part, unread);
  if (size_t skipped = pictures.bad_images().size(); skipped > 0)
    text += fmt::format("{}{} damaged picture{}", text.empty() ? "" : ", ", skipped, skipped > 1 ? "s" : "");
  if (!options.quiet) {
    print_if_possible(stdout, "{}: {}\n", part, printable(contents_text(pictures, task_of(options))));
    if (!text.empty()) print_if_possible(stdout, "{}: left out {}\n", part, printable(text));
  }
  return unread + (unread.empty() || text.empty() ? "" : ", ") + text;
}

/// MiB of decoded pictures, for training and validation together.
struct CacheBudget {
  int64_t of_memory = 0;
  int64_t of_file = 0;  // 0: what is free; -1: no more

  void take(const ImageDataset& pictures) {
    of_memory -= std::min(of_memory, mebibytes(pictures.cached_bytes()));
    if (of_file <= 0) return;
    of_file -= std::min(of_file, mebibytes(pictures.cache_file_bytes()));
    if (of_file == 0) of_file = -1;
  }
};

struct Reading {
  const TrainOptions& options;
  const Model& model;
  const std::atomic<bool>& stop;
};

std::unique_ptr<ImageDataset> read_source(const PictureSource& source, const char* part,
                                          const AugmentOptions& augment, const Reading& reading,
                                          const CacheBudget& budget, std::string& left_out) {
  const TrainOptions& options = reading.options;
  StatusLine status(Terminal::of_stderr());
  ImageOptions image = image_options(options, reading.model);
  auto count = std::visit([](const auto& each) { return static_cast<int64_t>(each.files.size()); }, source);
  ImageDatasetOptions how{
      .image = image,
      .augment = augment,
      .on_bad_image = options.on_bad_image == "fail" ? OnBadImage::fail : OnBadImage::skip,
      .cache_mb = budget.of_memory,
      .stream_mb = stream_mb(options, count, image),
      .cache_dir = budget.of_file < 0 ? fs::path() : fs::path(options.cache_dir),
      .cache_dir_mb = budget.of_file,
      .keep_cache = options.keep_cache,
      .together = true,
      .workers = options.workers,
      .device = reading.model.device(),
      .on_progress = show_progress(status, "Reading", options.quiet),
      .stop = &reading.stop};
  auto pictures =
      std::visit([&](const auto& each) { return std::make_unique<ImageDataset>(each, how); }, source);
  status.erase();
  const auto* folder = std::get_if<ImageFolder>(&source);
  left_out = report(*pictures, folder ? folder->ignored : IgnoredFiles(), part, options);
  return pictures;
}

/// The folder of the validation pictures; empty if there is none.
fs::path validation_folder(const TrainOptions& options, const fs::path& data) {
  if (options.no_validation) return {};
  if (!options.validation.empty()) return options.validation;
  fs::path whole = absolute_path(data / "").lexically_normal();  // "." is the folder it stands for
  if (!whole.has_filename()) whole = whole.parent_path();
  fs::path beside = whole.parent_path() / "test_set";
  if (file_type(beside, ErrorKind::data) != FileType::folder || is_same_file(beside, data)) return {};
  fs::path shorter = fs::path(data).lexically_normal().parent_path() / "test_set";
  return is_same_file(shorter, beside) ? shorter : beside;
}

/// Names of the parts of a data set: where they would be classes, the folder above the data was given.
bool names_a_part(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  static const std::set<std::string> names{"training_set", "test_set",  "validation_set", "train",
                                           "training",     "test",      "testing",        "val",
                                           "valid",        "validation"};
  return names.contains(name);
}

void refuse_parts_as_classes(const ImageFolder& folder) {
  const std::vector<std::string>& names = folder.class_names;
  if (names_shards(folder.folder)) return;
  auto is_part = [&](const std::string& name) {
    return names_a_part(name) && subfolder_names(folder.folder / name).size() >= 2;
  };
  if (!std::all_of(names.begin(), names.end(), is_part)) return;
  auto trains = std::find_if(names.begin(), names.end(), [](const std::string& name) {
    return name.find("rain") != std::string::npos || name.find("RAIN") != std::string::npos;
  });
  const std::string& train = trains == names.end() ? names.front() : *trains;
  const std::string& other = train == names.front() ? names.back() : names.front();
  fail(ErrorKind::data,
       "{}: the classes would be {}, the parts of a data set; is this meant: --data {} --validation {}?",
       folder.folder.string(), fmt::join(names, ", "), shell_word((folder.folder / train).string()),
       shell_word((folder.folder / other).string()));
}

ImageFolder scan_validation(const fs::path& folder, const std::vector<std::string>& class_names) {
  try {
    return ImageFolder::scan_for(folder, class_names);
  } catch (const Error& error) {
    fail(error.kind(), "{}; --validation names another folder, --no-validation does without one",
         error.what());
  }
}

PictureSources find_tables(const TrainOptions& options, Task task) {
  fs::path csv = task == Task::multilabel ? options.labels : options.targets;
  TableValues values = task == Task::multilabel ? TableValues::zero_or_one : TableValues::numbers;
  auto folder_of = [&](const fs::path& table) {
    return options.data.empty() ? table.parent_path() : fs::path(options.data);
  };
  PictureSources sources{ImageTable::read(csv, folder_of(csv), values), {}};
  const auto& table = std::get<ImageTable>(sources.train);
  if (options.split > 0) {
    auto [train, validation] = table.split(options.split, options.seed, options.split_order != "first");
    return {std::move(train), std::move(validation)};
  }
  if (!options.validation.empty())
    sources.validation =
        ImageTable::read_for(options.validation, folder_of(options.validation), values, table.columns);
  return sources;
}

}  // namespace

const std::vector<std::string>& PictureSources::names() const {
  const auto* folder = std::get_if<ImageFolder>(&train);
  return folder ? folder->class_names : std::get<ImageTable>(train).columns;
}

int64_t PictureSources::size() const {
  return std::visit([](const auto& each) { return static_cast<int64_t>(each.files.size()); }, train);
}

PictureSources find_pictures(const TrainOptions& options, const std::atomic<bool>& stop) {
  if (Task task = task_of(options); task != Task::classify) return find_tables(options, task);
  fs::path data = options.data;
  if (data.empty()) {
    StatusLine status(Terminal::of_stderr());
    data = drawn_pictures(show_progress(status, "Drawing", options.quiet), stop);
    if (!options.quiet)
      print_if_possible(stdout, "Drawn cats and dogs are kept in {}\n",
                        printable(data.parent_path().string()));
  }
  bool first = options.split_order == "first";
  ImageFolder::Subset part =
      options.split > 0 && first ? ImageFolder::Subset::training : ImageFolder::Subset::all;
  ImageFolder train = ImageFolder::scan(data, part, options.split);
  refuse_parts_as_classes(train);
  if (options.split > 0 && first) {
    ImageFolder validation = ImageFolder::scan(data, ImageFolder::Subset::validation, options.split);
    validation.ignored = {};
    return {std::move(train), std::move(validation)};
  }
  if (options.split > 0) {
    auto [training, validation] = train.split(options.split, options.seed);
    return {std::move(training), std::move(validation)};
  }
  fs::path folder = validation_folder(options, data);
  if (folder.empty()) return {std::move(train), {}};
  ImageFolder validation = scan_validation(folder, train.class_names);
  return {std::move(train), std::move(validation)};
}

ImageOptions image_options(const TrainOptions& options, const Model& model) {
  const Shape& input = model.graph().nodes()[model.graph().inputs()[0]].shape;
  return {.height = static_cast<int>(input[0]),
          .width = static_cast<int>(input[1]),
          .interpolation = parse_interpolation(options.interpolation),
          .keep_aspect_ratio = options.keep_aspect,
          .color_mode = input[2] == 1 ? ColorMode::grayscale : ColorMode::rgb,
          .exif_orientation = options.exif_orientation,
          .tolerant = options.tolerant};
}

Pictures read_pictures(const PictureSources& sources, const TrainOptions& options, const Model& model,
                       const std::atomic<bool>& stop) {
  Reading reading{options, model, stop};
  auto rescale = static_cast<float>(model.preprocessing.rescale);
  Pictures pictures;
  CacheBudget budget{options.cache_mb, options.cache_dir_mb};
  pictures.train = read_source(sources.train, "Training", augmentation(options, rescale), reading, budget,
                               pictures.train_left_out);
  budget.take(*pictures.train);
  if (sources.validation)
    pictures.validation = read_source(*sources.validation, "Validation", {.rescale = rescale}, reading,
                                      budget, pictures.validation_left_out);
  return pictures;
}

}  // namespace manul
