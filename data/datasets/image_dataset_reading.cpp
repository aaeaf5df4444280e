#include <algorithm>
#include <cstring>
#include <limits>

#include "manul/data/datasets/image_dataset.h"
#include "manul/data/datasets/picture_cache.h"
#include "manul/data/image/image_io.h"
#include "manul/data/image/pixels.h"
#include "manul/framework/distributed/communicator.h"
#include "manul/framework/distributed/texts.h"
#include "manul/framework/error.h"
#include "manul/framework/file_system.h"

// How an ImageDataset reads its pictures: once, from files or from an earlier run's cache, each process its
// part, and again what fits no cache.
namespace manul {
namespace {

/// The most files between two progress reports and looks at the stop flag.
constexpr int64_t stretch = 256;
/// Pictures that one process reads, and then the next one; also between two looks at the others' stop flags.
constexpr int64_t turn = 64;

int owner_of(int64_t number) {
  return static_cast<int>(number / turn % processes().size());
}

/// All that a picture's bytes depend on besides its file. Relative paths mean other files in another folder.
uint64_t key_of_options(const ImageOptions& image) {
  return hash_of_text(fmt::format("{} {} {} {} {} {} {} {} {}", MANUL_VERSION, image.height, image.width,
                                  static_cast<int>(image.interpolation), image.keep_aspect_ratio,
                                  static_cast<int>(image.color_mode), image.exif_orientation, image.tolerant,
                                  absolute_path(".").string()));
}

}  // namespace

/// The files while they are read, with those that turn out to be bad.
struct ImageDataset::Reading {
  std::vector<PictureFile> files;
  uint8_t* rows;  // of pictures that are kept, then of a ring for the others
  int64_t ring;
  bool together;
  std::vector<std::string> reasons, warnings;  // of each file, empty if there is none
  std::vector<std::string> missing;  // why a file that another process reads is not there for this one

  int64_t size() const { return static_cast<int64_t>(files.size()); }
  bool is_own(int64_t number) const { return !together || owner_of(number) == processes().rank(); }
};

void ImageDataset::read_files(std::vector<PictureFile> files) {
  check(options_.image.height > 0 && options_.image.width > 0 &&
            options_.image.width <= most_pixels / options_.image.height,
        "image data set: a picture size of {}x{}", options_.image.width, options_.image.height);
  size_t count = files.size();
  auto total = static_cast<int64_t>(count);
  Shape shape = sample_shape();
  int64_t bytes = shape.elements();
  room_ = std::min(total, (options_.cache_mb << 20) / bytes);
  int64_t ring = std::min(total - room_, std::max<int64_t>(1, (options_.stream_mb << 20) / bytes));
  Tensor pictures = Tensor::empty(shape.batch_of(room_ + ring), DType::u8);
  auto* rows = pictures.mutable_data<uint8_t>();
  Reading reading{std::move(files), rows, ring, options_.together && !processes().is_alone(), {}, {}, {}};
  for (auto* texts : {&reading.reasons, &reading.warnings, &reading.missing}) texts->resize(count);
  stamps_.resize(count);
  fingerprints_.resize(count);
  if (reading.together) require_same(reading.files);
  open_cache(reading.files);
  read_own(reading);
  if (reading.together) {
    share(reading);
    for (int64_t i = 0; i < room_; i += turn)
      processes().broadcast(pictures.range(i * bytes, shape.batch_of(std::min(turn, room_ - i))),
                            owner_of(i));
  }
  for (std::string& warning : reading.warnings)
    if (!warning.empty()) warnings_.push_back(std::move(warning));

  // Pictures of good files move up to close the gaps.
  for (int64_t i = 0; i < room_; ++i) {
    if (!reading.reasons[i].empty()) continue;
    if (cached_ != i) std::memcpy(rows + cached_ * bytes, rows + i * bytes, bytes);
    ++cached_;
  }
  drop_bad(std::move(reading.files), reading.reasons);
  keep(pictures);
}

/// Called by all: what they tell each other must fit.
void ImageDataset::require_same(const std::vector<PictureFile>& files) const {
  processes().barrier();
  int64_t numbers[] = {static_cast<int64_t>(files.size()),
                       room_,
                       sample_shape().elements(),
                       options_.keep_cache,
                       options_.cache_dir.empty(),
                       options_.on_bad_image == OnBadImage::fail,
                       options_.stream_mb};
  uint64_t hash = hash_of_bytes(numbers, sizeof numbers);
  for (const PictureFile& file : files)
    hash = hash_of_text(file.path.filename().native(), hash + static_cast<uint64_t>(file.label));
  if (!processes().agree(hash))
    fail(ErrorKind::data,
         "image data set: the {} processes do not have the same pictures and options (process {}: {} files)",
         processes().size(), processes().rank(), files.size());
}

/// What does not fit is decoded as well, to find what is bad.
void ImageDataset::read_own(Reading& reading) {
  int64_t total = reading.size(), window = reading.ring > 0 ? reading.ring : total,
          step = std::clamp<int64_t>(window / 2, 1, reading.together ? turn : stretch);
  ReadAhead ahead(options_.workers);
  ahead.start(0, total, window, [&](int64_t number) { read_file(reading, number); });
  for (int64_t first = 0; first < total; first += step) {
    int64_t end = std::min(first + step, total);
    ahead.release(first);
    ahead.wait_for(end);
    if (is_stopped_anywhere(reading))
      fail(ErrorKind::failed, "stopped while {} of {} pictures were read{}", first, total,
           is_stopped() ? "" : ": another process is to end");
    if (options_.on_bad_image == OnBadImage::fail && !reading.together)
      for (int64_t i = first; i < end; ++i)
        if (!reading.reasons[i].empty()) fail(ErrorKind::data, "{}", reading.reasons[i]);
    if (options_.on_progress) options_.on_progress(end, total);
  }
}

/// Called by all where they read together.
bool ImageDataset::is_stopped_anywhere(const Reading& reading) const {
  if (!reading.together) return is_stopped();
  processes().barrier();  // others may have much larger files to read
  int64_t stopped[] = {is_stopped()};
  processes().max(stopped);
  return stopped[0] != 0;
}

void ImageDataset::read_file(Reading& reading, int64_t number) {
  const PictureFile& file = reading.files[number];
  int64_t bytes = sample_shape().elements();
  if (is_stopped()) return;
  try {
    stamps_[number] = file.stamp();
    if (!reading.is_own(number)) return;
    uint8_t* row = reading.rows + (number < room_ ? number : room_ + (number - room_) % reading.ring) * bytes;
    if (take_from_cache(reading, number, row)) return;
    auto [image, stamp] = load_picture(file, options_.image);
    stamps_[number] = stamp;
    write_bytes_of(image, row, sample_shape(), file.path.string());
    fingerprints_[number] = fingerprint_of(row, bytes, image.channels);
    reading.warnings[number] = std::move(image.warning);
    // What is warned of is warned of by the next run as well.
    if (cache_ && reading.warnings[number].empty())
      cache_->write(cache_row(number), cache_key(file, stamp), row, fingerprints_[number]);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data) throw;
    (reading.is_own(number) ? reading.reasons : reading.missing)[number] = error.what();
  }
}

/// Pictures that are streamed are not looked at before they are needed.
bool ImageDataset::take_from_cache(Reading& reading, int64_t number, uint8_t* row) {
  if (!cache_) return false;
  uint64_t key = cache_key(reading.files[number], stamps_[number]);
  return cache_->find(cache_row(number), key, fingerprints_[number]) &&
         (number >= room_ || cache_->read(cache_row(number), key, row));
}

/// Called by all: each gets what the others have found.
void ImageDataset::share(Reading& reading) {
  const Communicator& all = processes();
  share_texts(reading.reasons);
  share_texts(reading.warnings);
  std::vector<int64_t> hashes, one_colours;
  for (int64_t i = 0; i < reading.size(); ++i) {
    hashes.push_back(reading.is_own(i) ? static_cast<int64_t>(fingerprints_[i].hash)
                                       : std::numeric_limits<int64_t>::min());
    one_colours.push_back(fingerprints_[i].one_colour);
  }
  all.max(hashes);
  all.max(one_colours);
  for (int64_t i = 0; i < reading.size(); ++i) {
    fingerprints_[i] = {static_cast<uint64_t>(hashes[i]), one_colours[i] != 0};
    bool is_bad = !reading.reasons[i].empty();
    if (is_bad && options_.on_bad_image == OnBadImage::fail) fail(ErrorKind::data, "{}", reading.reasons[i]);
    if (!is_bad && !reading.missing[i].empty()) fail(ErrorKind::data, "{}", reading.missing[i]);
  }
}

void ImageDataset::open_cache(const std::vector<PictureFile>& files) {
  if (options_.cache_dir.empty() || (!options_.keep_cache && room_ == static_cast<int64_t>(files.size())))
    return;
  options_key_ = key_of_options(options_.image);
  uint64_t key =
      options_key_ + options_.keep_cache;  // what is kept is not taken away by a run that keeps nothing
  for (const PictureFile& file : files) key = hash_of_text(file.path.native(), key);
  cache_ = std::make_unique<PictureCache>(PictureCache::Options{.folder = options_.cache_dir,
                                                                .key = key,
                                                                .rows = static_cast<int64_t>(files.size()),
                                                                .row_bytes = sample_shape().elements(),
                                                                .most_bytes = options_.cache_dir_mb << 20});
  if (options_.keep_cache) return;
  if (options_.together) processes().barrier();
  cache_->forget();
}

/// What is in memory is needed on disk by the next run alone.
int64_t ImageDataset::cache_row(int64_t number) const {
  return options_.keep_cache ? number : number - room_;
}

uint64_t ImageDataset::cache_key(const PictureFile& file, const FileStamp& stamp) const {
  int64_t numbers[] = {stamp.bytes, stamp.written_seconds, stamp.written_nanoseconds, file.offset,
                       file.bytes};
  return hash_of_text(file.path.native(), hash_of_bytes(numbers, sizeof numbers, options_key_));
}

int64_t ImageDataset::cache_file_bytes() const {
  return cache_ ? cache_->room() * sample_shape().elements() : 0;
}

void ImageDataset::keep(const Tensor& pictures) {
  pictures_ = pictures;
  if (options_.device.is_cuda()) {
    pictures_ = Tensor::empty(pictures.shape(), DType::u8, options_.device);
    Shape kept = sample_shape().batch_of(cached_);
    pictures_.range(0, kept).copy_from(pictures.range(0, kept));
  }
  if (fully_cached()) return;
  int64_t bytes = sample_shape().elements(), ring = pictures.shape()[0] - room_;
  stream_ = std::make_unique<PictureStream>(pictures_.range(room_ * bytes, sample_shape().batch_of(ring)),
                                            options_.workers,
                                            [this](int32_t sample, uint8_t* to) { load_again(sample, to); });
}

void ImageDataset::drop_bad(std::vector<PictureFile> files, const std::vector<std::string>& reasons) {
  size_t classes = std::max<size_t>(1, class_names_.size()), columns = columns_.size();
  std::vector<int64_t> before(classes), after(classes);
  std::vector<std::string> first_reason(classes);
  for (size_t i = 0; i < files.size(); ++i) {
    int label = files[i].label;
    ++before[label];
    if (!reasons[i].empty()) {
      bad_images_.push_back(reasons[i]);
      if (first_reason[label].empty()) first_reason[label] = reasons[i];
      continue;
    }
    ++after[label];
    stamps_[files_.size()] = stamps_[i];
    fingerprints_[files_.size()] = fingerprints_[i];
    numbers_.push_back(static_cast<int32_t>(i));
    if (i != files_.size())
      std::copy_n(values_.begin() + static_cast<int64_t>(i * columns), columns,
                  values_.begin() + static_cast<int64_t>(files_.size() * columns));
    files_.push_back(std::move(files[i]));
  }
  fingerprints_.resize(files_.size());
  values_.resize(files_.size() * columns);
  for (size_t label = 0; label < before.size(); ++label)
    if (before[label] > 0 && after[label] == 0)
      fail(ErrorKind::data, "{} {} pictures can be read, the first because: {}",
           class_names_.empty() ? "none of the" : fmt::format("class '{}': none of its", class_names_[label]),
           before[label], first_reason[label]);
}

void ImageDataset::load_again(int32_t sample, uint8_t* to) const {
  const PictureFile& file = files_[sample];
  uint64_t key = cache_ ? cache_key(file, stamps_[sample]) : 0;
  int64_t row = cache_row(numbers_[sample]);
  if (cache_ && cache_->read(row, key, to)) return;
  bool changed = false;
  std::string warning;
  try {
    auto [image, stamp] = load_picture(file, options_.image);
    write_bytes_of(image, to, sample_shape(), file.path.string());
    changed = stamp != stamps_[sample];
    warning = std::move(image.warning);
  } catch (const Error& error) {
    fail(error.kind(), "{} (it was a good picture when the data was read)", error.what());
  }
  if (changed) fail(ErrorKind::data, "{}: the file has changed since the data was read", file.path.string());
  if (cache_ && warning.empty()) cache_->write(row, key, to, fingerprints_[sample]);
}

}  // namespace manul
