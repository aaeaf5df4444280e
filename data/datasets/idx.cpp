#include "manul/data/datasets/idx.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "manul/framework/error.h"
#include "manul/framework/file.h"
#include "manul/framework/file_system.h"

namespace manul {
namespace {

/// The content of a file that may be compressed by gzip, from the first byte to the last.
class Content {
 public:
  Content(std::span<const uint8_t> bytes, std::string_view name) : bytes_(bytes), name_(name) {
    compressed_ = bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
    if (!compressed_) return;
    constexpr int gzip_format = 16;
    check(inflateInit2(&stream_, MAX_WBITS + gzip_format) == Z_OK, "{}: zlib cannot start", name);
    stream_.next_in = const_cast<Bytef*>(bytes.data());
    stream_.avail_in = static_cast<uInt>(std::min<size_t>(bytes.size(), UINT32_MAX));
  }
  ~Content() {
    if (compressed_) inflateEnd(&stream_);
  }
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;

  /// The next `count` bytes; refuses a file that has fewer.
  void read(void* to, int64_t count) {
    if (compressed_) return inflate_to(static_cast<uint8_t*>(to), count);
    if (count > static_cast<int64_t>(bytes_.size())) refuse("is cut off");
    std::memcpy(to, bytes_.data(), static_cast<size_t>(count));
    bytes_ = bytes_.subspan(static_cast<size_t>(count));
  }

  /// No file of this size has more content: deflate makes at most 1032 bytes of one.
  int64_t largest_content() const { return static_cast<int64_t>(bytes_.size()) * (compressed_ ? 1032 : 1); }

  /// Refuses whatever follows, and a wrong checksum.
  void expect_end() {
    if (!compressed_) {
      if (!bytes_.empty()) refuse(fmt::format("has {} bytes too many", bytes_.size()));
      return;
    }
    uint8_t more = 0;
    stream_.next_out = &more;
    stream_.avail_out = 1;
    int status = inflate(&stream_, Z_FINISH);
    if (stream_.avail_out == 0) refuse("has more elements than it says");
    if (status != Z_STREAM_END) refuse("is damaged: its checksum is wrong, or its end is missing");
  }

  [[noreturn]] void refuse(std::string_view reason) const { fail(ErrorKind::data, "{}: {}", name_, reason); }

 private:
  void inflate_to(uint8_t* to, int64_t count) {
    constexpr int64_t most_at_once = 1 << 30;
    for (int64_t done = 0; done < count;) {
      int64_t wanted = std::min(count - done, most_at_once);
      stream_.next_out = to + done;
      stream_.avail_out = static_cast<uInt>(wanted);
      int status = inflate(&stream_, Z_NO_FLUSH);
      int64_t made = wanted - stream_.avail_out;
      done += made;
      if (done == count) return;
      if (status == Z_STREAM_END || (status == Z_BUF_ERROR && made == 0)) refuse("is cut off");
      if (status != Z_OK) refuse("is damaged: zlib cannot expand it");
    }
  }

  std::span<const uint8_t> bytes_;
  std::string_view name_;
  bool compressed_ = false;
  z_stream stream_{};
};

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

DType type_of(uint8_t code, const Content& content) {
  switch (code) {
    case 0x08:
      return DType::u8;
    case 0x0c:
      return DType::i32;
    case 0x0d:
      return DType::f32;
    case 0x0e:
      return DType::f64;
    default:
      content.refuse(fmt::format(
          "has elements of the type 0x{:02x}; bytes (0x08), i32 (0x0c), f32 (0x0d) and f64 (0x0e) are read",
          code));
  }
}

void reverse_bytes(uint8_t* bytes, int64_t count, int64_t size) {
  for (int64_t i = 0; i < count; ++i) std::reverse(bytes + i * size, bytes + (i + 1) * size);
}

/// `folder`/`name`, or the same with ".gz".
Tensor read_part(const std::filesystem::path& folder, std::string name) {
  std::filesystem::path plain = folder / name;
  return read_idx(file_type(plain, ErrorKind::data) != FileType::missing ? plain : folder / (name + ".gz"));
}

}  // namespace

Tensor decode_idx(std::span<const uint8_t> bytes, std::string_view name) {
  Content content(bytes, name);
  std::array<uint8_t, 4> magic{};
  content.read(magic.data(), magic.size());
  if (magic[0] != 0 || magic[1] != 0) content.refuse("is not an IDX file: it does not begin with two zeros");
  DType dtype = type_of(magic[2], content);
  int rank = magic[3];
  if (rank < 1 || rank > Shape::max_rank)
    content.refuse(fmt::format("has {} axes; 1 to {} are read", rank, Shape::max_rank));
  std::vector<int64_t> lengths;
  int64_t total = size_of(dtype);
  for (int axis = 0; axis < rank; ++axis) {
    std::array<uint8_t, 4> length{};
    content.read(length.data(), length.size());
    lengths.push_back(big_endian(length.data()));
    total = lengths.back() == 0 ? 0 : total;
    if (total > content.largest_content() / std::max<int64_t>(lengths.back(), 1))
      content.refuse("says that it has more elements than its bytes can hold");
    total *= lengths.back();
  }
  Tensor values = Tensor::empty(Shape(lengths), dtype);
  auto* to = static_cast<uint8_t*>(values.raw());
  content.read(to, static_cast<int64_t>(values.bytes()));
  content.expect_end();
  if (std::endian::native == std::endian::little) reverse_bytes(to, values.elements(), size_of(dtype));
  return values;
}

Tensor read_idx(const std::filesystem::path& file) {
  return decode_idx(InputFile(file, ErrorKind::data).read_all(most_data_bytes), file.string());
}

LabelledImages read_mnist(const std::filesystem::path& folder, DataPart part) {
  std::string prefix = part == DataPart::training ? "train" : "t10k";
  Tensor images = read_part(folder, prefix + "-images-idx3-ubyte");
  Tensor labels = read_part(folder, prefix + "-labels-idx1-ubyte");
  if (images.shape().rank() != 3 || images.dtype() != DType::u8 || labels.shape().rank() != 1 ||
      labels.dtype() != DType::u8)
    fail(ErrorKind::data, "{}: images are bytes [N, height, width] and labels bytes [N], not {} {} and {} {}",
         folder.string(), name_of(images.dtype()), images.shape(), name_of(labels.dtype()), labels.shape());
  if (images.shape()[0] != labels.shape()[0])
    fail(ErrorKind::data, "{}: {} images, but {} labels", folder.string(), images.shape()[0],
         labels.shape()[0]);
  std::vector<uint8_t> classes = labels.to_vector<uint8_t>();
  const Shape& shape = images.shape();
  return {images.view({shape[0], shape[1], shape[2], 1}),
          Tensor::from(std::vector<int32_t>(classes.begin(), classes.end()), labels.shape()),
          {}};
}

LabelledImages read_fashion_mnist(DataPart part, const std::filesystem::path& folder) {
  if (file_type(folder, ErrorKind::data) == FileType::missing)
    fail(ErrorKind::data,
         "{}: Fashion-MNIST is not there: 'apt-get install dataset-fashion-mnist' puts it into "
         "/usr/share/datasets/fashion-mnist, "
         "and its four files are at https://github.com/zalandoresearch/fashion-mnist",
         folder.string());
  LabelledImages data = read_mnist(folder, part);
  data.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  return data;
}

}  // namespace manul
