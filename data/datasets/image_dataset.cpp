#include "manul/data/datasets/image_dataset.h"

#include "manul/data/datasets/gather_rows.h"
#include "manul/data/datasets/picture_cache.h"
#include "manul/framework/error.h"

namespace manul {
ImageDataset::ImageDataset(const ImageFolder& folder, const ImageDatasetOptions& options)
    : options_(options), class_names_(folder.class_names) {
  read_files(folder.files);
  lay_out();
}

ImageDataset::ImageDataset(const ImageTable& table, const ImageDatasetOptions& options)
    : options_(options), columns_(table.columns), values_(table.values) {
  std::vector<PictureFile> files;
  for (const std::filesystem::path& file : table.files) files.push_back({file, 0});
  read_files(std::move(files));
  auto columns = static_cast<int64_t>(columns_.size());
  targets_ = Tensor::from(values_, {size(), columns}, options.device);
  unused_labels_ = Tensor::empty({size()}, DType::i32, options.device);
  lay_out();
}

ImageDataset::~ImageDataset() = default;

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

std::string ImageDataset::summary() const {
  return ImageFolder{{}, class_names_, files_, {}}.summary();
}

}  // namespace manul
