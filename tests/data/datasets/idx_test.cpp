#include "manul/data/datasets/idx.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include "manul/framework/error.h"
#include "manul/testing/op_check.h"
#include "manul/tests/temporary_folder.h"

namespace manul {
namespace {

const std::filesystem::path fashion_mnist = "/usr/share/datasets/fashion-mnist";

/// A file of 2 x 3 bytes.
std::string small_file() {
  return {std::string("\0\0\x08\2\0\0\0\2\0\0\0\3", 12) + "abcdef"};
}

Tensor decode(const std::string& bytes) {
  return decode_idx({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "small");
}

uint32_t checksum(const Tensor& bytes) {
  return static_cast<uint32_t>(crc32(0, bytes.data<uint8_t>(), static_cast<uInt>(bytes.elements())));
}

TEST(Idx, ReadsBytesInOrder) {
  Tensor values = decode(small_file());
  EXPECT_EQ(values.shape(), Shape({2, 3}));
  EXPECT_EQ(values.to_vector<uint8_t>(), (std::vector<uint8_t>{'a', 'b', 'c', 'd', 'e', 'f'}));
}

TEST(Idx, TurnsBigEndianNumbers) {
  EXPECT_EQ(decode(std::string("\0\0\x0c\1\0\0\0\2\0\0\1\2\xff\xff\xff\xfe", 16)).to_vector<int32_t>(),
            (std::vector<int32_t>{258, -2}));
  EXPECT_EQ(decode(std::string("\0\0\x0d\1\0\0\0\1\x3f\xc0\0\0", 12)).item<float>(), 1.5F);
  EXPECT_EQ(decode(std::string("\0\0\x0e\1\0\0\0\1\xc0\x04\0\0\0\0\0\0", 16)).item<double>(), -2.5);
}

TEST(Idx, EveryCutAndEveryExtraByteIsRefused) {
  std::string whole = small_file();
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_THROW(decode(whole.substr(0, length)), Error) << length;
  EXPECT_THROW(decode(whole + "x"), Error);
}

/// The checksums are those that Python's gzip and zlib give for the installed files.
TEST(Idx, FashionMnistIsWhatPythonReads) {
  if (!std::filesystem::exists(fashion_mnist))
    GTEST_SKIP() << "the package dataset-fashion-mnist is not installed";
  LabelledImages training = read_mnist(fashion_mnist, DataPart::training);
  EXPECT_EQ(training.images.shape(), Shape({60000, 28, 28, 1}));
  EXPECT_EQ(checksum(training.images), 0xae65dccd);
  std::vector<int32_t> labels = training.labels.to_vector<int32_t>();
  for (int32_t c = 0; c < 10; ++c) EXPECT_EQ(std::count(labels.begin(), labels.end(), c), 6000);
  LabelledImages test = read_mnist(fashion_mnist, DataPart::test);
  EXPECT_EQ(test.images.shape(), Shape({10000, 28, 28, 1}));
  EXPECT_EQ(checksum(test.images), 0x12728439);
  LabelledImages named = read_fashion_mnist(DataPart::test);
  EXPECT_EQ(checksum(named.images), 0x12728439);
  EXPECT_EQ(named.class_names.size(), 10U);
  EXPECT_EQ(named.class_names[9], "Ankle boot");
}

TEST(Idx, DamagedGzipIsRefused) {
  if (!std::filesystem::exists(fashion_mnist))
    GTEST_SKIP() << "the package dataset-fashion-mnist is not installed";
  std::string whole = read_file(fashion_mnist / "t10k-labels-idx1-ubyte.gz");
  EXPECT_NO_THROW(decode(whole));
  EXPECT_THROW(decode(whole.substr(0, whole.size() / 2)), Error);
  EXPECT_THROW(decode(whole.substr(0, whole.size() - 1)), Error);
  whole[whole.size() - 5] ^= 1;  // of the checksum
  EXPECT_THROW(decode(whole), Error);
}

TEST(Idx, FilesOfOtherKindsAreRefused) {
  for (const ErrorSample& sample : std::vector<ErrorSample>{
           {"IdxNoZeros", [] { decode("not an idx file"); }, "small: is not an IDX file"},
           {"IdxType", [] { decode(std::string("\0\0\x0b\1\0\0\0\1xy", 10)); }, "type 0x0b"},
           {"IdxNoAxes", [] { decode(std::string("\0\0\x08\0", 4)); }, "has 0 axes"},
           {"IdxHuge",
            [] { decode(std::string("\0\0\x08\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16)); },
            "more elements than its bytes can hold"},
           {"IdxNoFile", [] { read_idx("no/such/file"); }, "no/such/file: "},
           {"IdxNoFolder", [] { read_mnist("no/such/folder", DataPart::test); }, "t10k-images-idx3-ubyte.gz"},
           {"FashionMnistNotThere", [] { read_fashion_mnist(DataPart::test, "no/such/folder"); },
            "no/such/folder: Fashion-MNIST is not there: 'apt-get install dataset-fashion-mnist'"}})
    check_error(sample);
}

}  // namespace
}  // namespace manul
