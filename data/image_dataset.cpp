#include "data/image_dataset.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <numeric>

#include "data/image_io.h"
#include "framework/cpu/parallel.h"
#include "framework/error.h"
#include "framework/random.h"

namespace manul {
namespace {

/// Files between two progress reports and looks at the stop flag.
constexpr int64_t stretch = 256;

/// The picture as bytes [height, width, channels]. Throws if the file is bad.
void load_pixels(const ImageFolder::File& file, const ImageOptions& options, uint8_t* to,
                 std::string* warning) {
  Image image = load_image(file.path, options);
  if (!image.pixels16.empty())
    fail(ErrorKind::data, "{}: 16-bit gray does not fit the 8 bits of a data set; read it as rgb",
         file.path.string());
  std::memcpy(to, image.pixels.data(), image.pixels.size());
  if (warning) *warning = std::move(image.warning);
}

}  // namespace

ImageDataset::ImageDataset(const ImageFolder& folder, const ImageDatasetOptions& options)
    : options_(options), class_names_(folder.class_names) {
  check(options.image.height > 0 && options.image.width > 0, "image data set: a picture size of {}x{}",
        options.image.width, options.image.height);
  read_files(folder.files);
  std::vector<int32_t> labels;
  for (const ImageFolder::File& file : files_) labels.push_back(file.label);
  labels_ = Tensor::from(labels, {size()}, options.device);
  order_ = Tensor::empty({size()}, DType::i32, options.device);
  begin_epoch(0, 0, false);
}

Shape ImageDataset::sample_shape() const {
  return {options_.image.height, options_.image.width, channels_of(options_.image.color_mode)};
}

void ImageDataset::read_files(std::vector<ImageFolder::File> files) {
  auto total = static_cast<int64_t>(files.size());
  Shape shape = sample_shape();
  int64_t bytes = shape.elements();
  int64_t room = std::min(total, (options_.cache_mb << 20) / bytes);
  Tensor pictures = Tensor::empty(shape.batch_of(room), DType::u8);
  std::vector<std::string> reasons(total), warnings(total);

  for (int64_t first = 0; first < total; first += stretch) {
    if (options_.stop && *options_.stop)
      fail(ErrorKind::failed, "stopped after {} of {} pictures were read", first, total);
    cpu::parallel_for(std::min(stretch, total - first), 1, [&](int64_t begin, int64_t end) {
      std::vector<uint8_t> beyond;
      for (int64_t i = first + begin; i < first + end; ++i) {
        if (i >= room) beyond.resize(bytes);
        uint8_t* to = i < room ? pictures.mutable_data<uint8_t>() + i * bytes : beyond.data();
        try {
          load_pixels(files[i], options_.image, to, &warnings[i]);
        } catch (const Error& error) {
          if (error.kind() != ErrorKind::data) throw;
          reasons[i] = error.what();
        }
      }
    });
    if (options_.on_bad_image == OnBadImage::fail)
      for (const std::string& reason : reasons)
        if (!reason.empty()) fail(ErrorKind::data, "{}", reason);
    if (options_.on_progress) options_.on_progress(std::min(first + stretch, total), total);
  }
  for (std::string& warning : warnings)
    if (!warning.empty()) warnings_.push_back(std::move(warning));

  // Pictures of good files move up to close the gaps.
  auto* kept = pictures.mutable_data<uint8_t>();
  for (int64_t i = 0; i < room; ++i) {
    if (!reasons[i].empty()) continue;
    if (cached_ != i) std::memcpy(kept + cached_ * bytes, kept + i * bytes, bytes);
    ++cached_;
  }
  pictures_ = pictures.range(0, shape.batch_of(cached_)).to(options_.device);
  drop_bad(std::move(files), reasons);
}

void ImageDataset::drop_bad(std::vector<ImageFolder::File> files, const std::vector<std::string>& reasons) {
  std::vector<int64_t> before(class_names_.size()), after(class_names_.size());
  for (size_t i = 0; i < files.size(); ++i) {
    int label = files[i].label;
    ++before[label];
    if (!reasons[i].empty()) {
      bad_images_.push_back(reasons[i]);
      continue;
    }
    ++after[label];
    files_.push_back(std::move(files[i]));
  }
  for (size_t label = 0; label < before.size(); ++label)
    if (before[label] > 0 && after[label] == 0)
      fail(ErrorKind::data, "class '{}': none of its {} pictures can be read, the first because: {}",
           class_names_[label], before[label], bad_images_.front());
}

void ImageDataset::begin_epoch(int64_t epoch, uint64_t seed, bool shuffle) {
  std::vector<int32_t> order(size());
  std::iota(order.begin(), order.end(), 0);
  if (shuffle) {
    RandomStream stream(seed, RandomPurpose::shuffle, static_cast<uint64_t>(epoch), 0);
    for (auto left = static_cast<uint32_t>(order.size()); left > 1; --left)
      std::swap(order[left - 1], order[stream.below(left)]);
  }
  order_.copy_from(Tensor::from(order, {size()}));
}

void ImageDataset::next_batch(const DeviceStepState& state, const Tensor& inputs, const Tensor& labels) {
  EpochPictures source{pictures_, labels_, order_, false};
  if (!fully_cached()) {
    check(options_.device.is_cpu(), "image data set: {} of {} pictures fit the cache; on {} all must",
          cached_, size(), options_.device.name());
    int64_t position = static_cast<const StepState*>(state.tensor().raw())->position;
    source.gathered = true;
    source.pictures = Tensor::empty(inputs.shape(), DType::u8);
    load_batch(order_.data<int32_t>() + position, source.pictures);
  }
  augment_batch_kernel(state.tensor(), source, options_.augment, inputs, labels);
}

void ImageDataset::load_batch(const int32_t* samples, const Tensor& pictures) const {
  int64_t bytes = sample_shape().elements();
  cpu::parallel_for(pictures.shape()[0], 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      uint8_t* to = pictures.mutable_data<uint8_t>() + k * bytes;
      int32_t sample = samples[k];
      if (sample < cached_) {
        std::memcpy(to, pictures_.data<uint8_t>() + sample * bytes, bytes);
      } else {
        load_pixels(files_[sample], options_.image, to, nullptr);
      }
    }
  });
}

std::string ImageDataset::summary() const {
  return fmt::format("Found {} images belonging to {} classes.", size(), class_names_.size());
}

}  // namespace manul
