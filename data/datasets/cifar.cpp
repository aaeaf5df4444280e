#include "manul/data/datasets/cifar.h"

#include <sstream>

#include "manul/framework/error.h"
#include "manul/framework/file.h"
#include "manul/framework/file_system.h"

namespace manul {
namespace {

constexpr int64_t side = 32, channels = 3, plane = side * side;

/// A record is a few label bytes and one plane of pixels a channel.
struct Records {
  int64_t label_bytes;  // of a record
  int64_t label;        // which of them
  int64_t classes;
  int64_t size() const { return label_bytes + channels * plane; }
};

/// Planes of one channel each become pixels of three.
void interleave(const uint8_t* planes, uint8_t* pixels) {
  for (int64_t i = 0; i < plane; ++i)
    for (int64_t c = 0; c < channels; ++c) pixels[i * channels + c] = planes[c * plane + i];
}

std::vector<std::string> read_lines(const std::filesystem::path& file) {
  if (file_type(file, ErrorKind::data) == FileType::missing) return {};
  std::vector<uint8_t> bytes = InputFile(file, ErrorKind::data).read_all(most_data_bytes);
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

LabelledImages read_records(const std::filesystem::path& folder, const std::vector<std::string>& files,
                            const Records& records, const std::string& names) {
  std::vector<uint8_t> bytes;
  for (const std::string& name : files) {
    std::vector<uint8_t> part = InputFile(folder / name, ErrorKind::data).read_all(most_data_bytes);
    if (part.empty() || static_cast<int64_t>(part.size()) % records.size() != 0)
      fail(ErrorKind::data, "{}: has {} bytes, which are not whole records of {}", (folder / name).string(),
           part.size(), records.size());
    for (size_t i = 0; i < part.size(); i += static_cast<size_t>(records.size()))
      if (int label = part[i + static_cast<size_t>(records.label)]; label >= records.classes)
        fail(ErrorKind::data, "{}: an image has the label {}; there are {} classes", (folder / name).string(),
             label, records.classes);
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  int64_t count = static_cast<int64_t>(bytes.size()) / records.size();
  LabelledImages result{Tensor::empty({count, side, side, channels}, DType::u8),
                        Tensor::empty({count}, DType::i32), read_lines(folder / names)};
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t* record = bytes.data() + i * records.size();
    result.labels.mutable_data<int32_t>()[i] = record[records.label];
    interleave(record + records.label_bytes, result.images.mutable_data<uint8_t>() + i * channels * plane);
  }
  return result;
}

}  // namespace

LabelledImages read_cifar10(const std::filesystem::path& folder, DataPart part) {
  std::vector<std::string> files{"test_batch.bin"};
  if (part == DataPart::training)
    files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
             "data_batch_5.bin"};
  return read_records(folder, files, {1, 0, 10}, "batches.meta.txt");
}

LabelledImages read_cifar100(const std::filesystem::path& folder, DataPart part, CifarLabels labels) {
  bool coarse = labels == CifarLabels::coarse;
  return read_records(folder, {part == DataPart::training ? "train.bin" : "test.bin"},
                      {2, coarse ? 0 : 1, coarse ? 20 : 100},
                      coarse ? "coarse_label_names.txt" : "fine_label_names.txt");
}

}  // namespace manul
