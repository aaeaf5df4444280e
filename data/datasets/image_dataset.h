#pragma once

#include <atomic>
#include <functional>

#include "manul/data/augment/augment.h"
#include "manul/data/datasets/dataset.h"
#include "manul/data/datasets/fingerprint.h"
#include "manul/data/datasets/image_folder.h"
#include "manul/data/datasets/image_table.h"
#include "manul/data/datasets/picture_stream.h"
#include "manul/data/image/image.h"
#include "manul/framework/file.h"

namespace manul {

class PictureCache;

/// What to do with files that are not readable pictures.
enum class OnBadImage { skip, fail };

struct ImageDatasetOptions {
  ImageOptions image{.height = 64, .width = 64};
  AugmentOptions augment = {};  // the default only rescales
  OnBadImage on_bad_image = OnBadImage::skip;
  int64_t cache_mb = 1024;  // MiB of decoded pictures that are kept; the others are decoded in every epoch,
  int64_t stream_mb = 16;   // this much ahead of the steps: two batches or more
  /// A folder for a file with the decoded pictures that `cache_mb` has no room for, at most this many MiB of
  /// them; 0: nine tenths of what is free there. Empty: none.
  std::filesystem::path cache_dir = {};
  int64_t cache_dir_mb = 0;
  /// The file stays for the next run, which then decodes nothing that has not changed.
  bool keep_cache = false;
  /// Made by all processes (join_processes()), of the same pictures: each decodes its part of them.
  bool together = false;
  int workers = 0;  // threads that decode; 0: one per core
  Device device = {};
  /// Called now and then by the thread that made the data set, with how many files are read so far.
  std::function<void(int64_t done, int64_t total)> on_progress = {};
  /// When set, reading ends at once with an error that says so.
  const std::atomic<bool>* stop = nullptr;
};

/// The pictures of an ImageFolder or an ImageTable, decoded and resized once and kept as u8 on the device.
/// Those beyond the cache are streamed: decoded again in the background, in the order of the epoch. The bytes
/// of a batch are the same for any cache, in memory or on disk, and any number of workers and processes. A
/// file that is streamed must stay as it was when the data set was made: prepare_batch throws ErrorKind::data
/// with its name if it has gone or changed. Batches are f32 [batch, height, width, channels], augmented by
/// (seed, epoch, sample) and rescaled, labels i32 [batch], of a table its numbers f32 [batch, columns].
class ImageDataset : public Dataset {
 public:
  /// Reads every file. Throws ErrorKind::data for the first bad picture if so asked, and if skipping leaves a
  /// class that had pictures without any.
  ImageDataset(const ImageFolder& folder, const ImageDatasetOptions& options);
  /// Throws for the first bad picture if so asked, and if none can be read.
  ImageDataset(const ImageTable& table, const ImageDatasetOptions& options);
  ~ImageDataset() override;
  ImageDataset(const ImageDataset&) = delete;
  ImageDataset& operator=(const ImageDataset&) = delete;

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  BatchSpec spec() const override;
  Shape sample_shape() const;
  const std::vector<std::string>& class_names() const override { return class_names_; }
  bool is_resident() const override { return fully_cached(); }

  /// Of a table, the names of its columns; empty for a folder.
  const std::vector<std::string>& columns() const { return columns_; }
  /// The numbers of a sample of a table.
  std::span<const float> row(int64_t sample) const;

  /// The files in the order of samples, without those that were skipped; those of a table have the label 0.
  const std::vector<ImageFolder::File>& files() const { return files_; }
  /// One sentence for each skipped file, with its name and the reason, in the order of the folder.
  const std::vector<std::string>& bad_images() const { return bad_images_; }
  /// One sentence for each file that was taken although something about it was wrong.
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// What the pictures look like as they were read, resized, in the order of files(): equal for equal pixels.
  using Fingerprint = manul::Fingerprint;
  const std::vector<Fingerprint>& fingerprints() const { return fingerprints_; }
  /// Where the pictures are, and the batches are made.
  Device device() const { return options_.device; }
  /// What pixels are multiplied by; 0: nothing.
  float rescale() const { return options_.augment.rescale; }
  /// True if all pictures are kept decoded.
  bool fully_cached() const { return cached_ == size(); }
  /// Bytes of the pictures that are kept.
  int64_t cached_bytes() const { return cached_ * sample_shape().elements(); }
  /// Bytes that pictures may take in the file of `cache_dir`.
  int64_t cache_file_bytes() const;
  /// "Found 8000 images belonging to 2 classes.", counting what was read.
  std::string summary() const;

 protected:
  void set_order(const std::vector<int32_t>& order) override;
  void prepare(int64_t position, int64_t length) override;
  void fill(const DeviceStepState& state, const Batch& batch) override;

 private:
  struct Reading;
  void read_files(std::vector<PictureFile> files);
  void require_same(const std::vector<PictureFile>& files) const;
  void read_own(Reading& reading);
  void read_file(Reading& reading, int64_t number);
  bool is_stopped_anywhere(const Reading& reading) const;
  bool take_from_cache(Reading& reading, int64_t number, uint8_t* row);
  void share(Reading& reading);
  void open_cache(const std::vector<PictureFile>& files);
  int64_t cache_row(int64_t number) const;
  uint64_t cache_key(const PictureFile& file, const FileStamp& stamp) const;
  void lay_out();
  void keep(const Tensor& pictures);
  void drop_bad(std::vector<PictureFile> files, const std::vector<std::string>& reasons);
  void load_again(int32_t sample, uint8_t* to) const;
  bool is_stopped() const { return options_.stop && *options_.stop; }

  ImageDatasetOptions options_;
  std::vector<std::string> class_names_, columns_;
  std::vector<float> values_;  // of a table, [size, columns]
  std::vector<ImageFolder::File> files_;
  std::vector<std::string> bad_images_, warnings_;
  std::vector<FileStamp> stamps_;          // of files_
  std::vector<Fingerprint> fingerprints_;  // of files_
  std::vector<int32_t> numbers_;           // of files_, with those that were skipped
  std::unique_ptr<PictureCache> cache_;    // null without options_.cache_dir
  uint64_t options_key_ = 0;               // what else its pictures depend on
  int64_t cached_ = 0;                     // the first samples, whose pictures are kept
  int64_t room_ = 0;                       // rows for them
  Tensor pictures_;                        // u8 [room and ring, height, width, channels]
  Tensor labels_;                          // i32 [size]
  Tensor targets_;                         // of a table: f32 [size, columns],
  Tensor unused_labels_;                   // and i32 [size]: where the labels go that it has not
  Tensor order_, rows_;                    // i32 [size]; see EpochPictures
  struct {
    int64_t position = 0, length = 0;
  } prepared_;
  std::unique_ptr<PictureStream> stream_;  // null if all are cached; its threads use what stands above
};

}  // namespace manul
