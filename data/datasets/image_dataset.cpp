#include "manul/data/datasets/image_dataset.h"

#include <algorithm>
#include <cstring>

#include "manul/data/datasets/gather_rows.h"
#include "manul/data/image/image_io.h"
#include "manul/data/image/pixels.h"
#include "manul/framework/error.h"

namespace manul {
namespace {

/// The most files between two progress reports and looks at the stop flag.
constexpr int64_t stretch = 256;

/// FNV-1a over words of eight bytes and what is left.
ImageDataset::Fingerprint fingerprint_of(const uint8_t* pixels, int64_t bytes, int channels) {
  constexpr uint64_t prime = 0x100000001b3;
  uint64_t hash = 0xcbf29ce484222325;
  int64_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, pixels + i, sizeof word);
    hash = (hash ^ word) * prime;
    hash ^= hash >> 32;
  }
  for (; i < bytes; ++i) hash = (hash ^ pixels[i]) * prime;
  return {hash, bytes <= channels || std::memcmp(pixels, pixels + channels, bytes - channels) == 0};
}

}  // namespace

ImageDataset::ImageDataset(const ImageFolder& folder, const ImageDatasetOptions& options)
    : options_(options), class_names_(folder.class_names) {
  read_files(folder.files);
  lay_out();
}

ImageDataset::ImageDataset(const ImageTable& table, const ImageDatasetOptions& options)
    : options_(options), columns_(table.columns), values_(table.values) {
  std::vector<ImageFolder::File> files;
  for (const std::filesystem::path& file : table.files) files.push_back({file, 0});
  read_files(std::move(files));
  auto columns = static_cast<int64_t>(columns_.size());
  targets_ = Tensor::from(values_, {size(), columns}, options.device);
  unused_labels_ = Tensor::empty({size()}, DType::i32, options.device);
  lay_out();
}

void ImageDataset::lay_out() {
  std::vector<int32_t> labels;
  for (const ImageFolder::File& file : files_) labels.push_back(file.label);
  labels_ = Tensor::from(labels, {size()}, options_.device);
  order_ = Tensor::empty({size()}, DType::i32, options_.device);
  rows_ = stream_ ? Tensor::empty_like(order_) : order_;
  begin_epoch(0, 0, false);
}

Shape ImageDataset::sample_shape() const {
  return {options_.image.height, options_.image.width, channels_of(options_.image.color_mode)};
}

BatchSpec ImageDataset::spec() const {
  SampleSpec label{{}, DType::i32};
  if (!columns_.empty()) label = {{static_cast<int64_t>(columns_.size())}, DType::f32};
  return {{{sample_shape(), DType::f32}}, {label}, {}};
}

std::span<const float> ImageDataset::row(int64_t sample) const {
  size_t columns = columns_.size();
  return std::span(values_).subspan(static_cast<size_t>(sample) * columns, columns);
}

void ImageDataset::read_files(std::vector<ImageFolder::File> files) {
  check(options_.image.height > 0 && options_.image.width > 0 &&
            options_.image.width <= most_pixels / options_.image.height,
        "image data set: a picture size of {}x{}", options_.image.width, options_.image.height);
  auto total = static_cast<int64_t>(files.size());
  Shape shape = sample_shape();
  int64_t bytes = shape.elements();
  room_ = std::min(total, (options_.cache_mb << 20) / bytes);
  int64_t ring = std::min(total - room_, std::max<int64_t>(1, (options_.stream_mb << 20) / bytes));
  Tensor pictures = Tensor::empty(shape.batch_of(room_ + ring), DType::u8);
  auto* rows = pictures.mutable_data<uint8_t>();
  std::vector<std::string> reasons(total), warnings(total);
  stamps_.resize(total);
  fingerprints_.resize(total);

  // What does not fit is decoded as well, to find what is bad.
  auto read = [&](int64_t i) {
    try {
      if (is_stopped()) return;
      auto [image, stamp] = load_picture(files[i], options_.image);
      stamps_[i] = stamp;
      int64_t row = i < room_ ? i : room_ + (i - room_) % ring;
      write_bytes_of(image, rows + row * bytes, shape, files[i].path.string());
      fingerprints_[i] = fingerprint_of(rows + row * bytes, bytes, image.channels);
      warnings[i] = std::move(image.warning);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
      reasons[i] = error.what();
    }
  };
  int64_t window = ring > 0 ? ring : total, step = std::clamp<int64_t>(window / 2, 1, stretch);
  ReadAhead ahead(options_.workers);
  ahead.start(0, total, window, read);
  for (int64_t first = 0; first < total; first += step) {
    int64_t end = std::min(first + step, total);
    ahead.release(first);
    ahead.wait_for(end);
    if (is_stopped()) fail(ErrorKind::failed, "stopped while {} of {} pictures were read", first, total);
    if (options_.on_bad_image == OnBadImage::fail)
      for (int64_t i = first; i < end; ++i)
        if (!reasons[i].empty()) fail(ErrorKind::data, "{}", reasons[i]);
    if (options_.on_progress) options_.on_progress(end, total);
  }
  for (std::string& warning : warnings)
    if (!warning.empty()) warnings_.push_back(std::move(warning));

  // Pictures of good files move up to close the gaps.
  for (int64_t i = 0; i < room_; ++i) {
    if (!reasons[i].empty()) continue;
    if (cached_ != i) std::memcpy(rows + cached_ * bytes, rows + i * bytes, bytes);
    ++cached_;
  }
  drop_bad(std::move(files), reasons);
  keep(pictures);
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

void ImageDataset::drop_bad(std::vector<ImageFolder::File> files, const std::vector<std::string>& reasons) {
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

void ImageDataset::set_order(const std::vector<int32_t>& order) {
  Shape count{static_cast<int64_t>(order.size())};
  if (stream_) {
    auto [cached, room] = std::pair(static_cast<int32_t>(cached_), static_cast<int32_t>(room_));
    rows_.range(0, count).copy_from(Tensor::from(stream_->begin_epoch(order, cached, room), count));
  }
  order_.range(0, count).copy_from(Tensor::from(order, count));
  prepared_ = {};
}

void ImageDataset::prepare(int64_t position, int64_t length) {
  if (stream_) stream_->prepare(position, length);
  prepared_ = {position, length};
}

void ImageDataset::fill(const DeviceStepState& state, const Batch& batch) {
  const Tensor& inputs = batch.inputs[0];
  if (stream_) {
    bool ready = inputs.shape()[0] == prepared_.length;
    // On a GPU the step may be being captured, when its position cannot be read.
    if (options_.device.is_cpu()) ready = ready && state.read().position == prepared_.position;
    check(ready, "image data set: the batch of {} pictures was not prepared", inputs.shape()[0]);
  }
  bool has_targets = targets_.defined();
  Tensor labels = has_targets ? unused_labels_.range(0, {inputs.shape()[0]}) : batch.labels[0];
  augment_batch_kernel(state.tensor(), EpochPictures{pictures_, labels_, order_, rows_}, options_.augment,
                       inputs, labels);
  if (has_targets) gather_rows(state.tensor(), order_, targets_, batch.labels[0]);
}

void ImageDataset::load_again(int32_t sample, uint8_t* to) const {
  const PictureFile& file = files_[sample];
  bool changed = false;
  try {
    auto [image, stamp] = load_picture(file, options_.image);
    write_bytes_of(image, to, sample_shape(), file.path.string());
    changed = stamp != stamps_[sample];
  } catch (const Error& error) {
    fail(error.kind(), "{} (it was a good picture when the data was read)", error.what());
  }
  if (changed) fail(ErrorKind::data, "{}: the file has changed since the data was read", file.path.string());
}

std::string ImageDataset::summary() const {
  return ImageFolder{{}, class_names_, files_, {}}.summary();
}

}  // namespace manul
