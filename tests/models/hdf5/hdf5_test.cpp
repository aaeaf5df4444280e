#include <fmt/format.h>
#include <gmock/gmock.h>
#include <hdf5.h>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "manul/framework/atomic_file.h"
#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/models/hdf5/reader.h"
#include "manul/models/hdf5/writer.h"
#include "manul/tests/fixtures.h"

namespace manul::hdf5 {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string models = MANUL_SOURCE_DIR "/tests/reference/models/";

Bytes read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The path of a file in memory with these bytes; the next call writes over it.
std::string file_of(const Bytes& bytes) {
  static int file = ::memfd_create("hdf5_test", 0);
  EXPECT_EQ(::ftruncate(file, static_cast<off_t>(bytes.size())), 0);
  EXPECT_EQ(::pwrite(file, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  return "/proc/self/fd/" + std::to_string(file);
}

/// Opens the file and reads everything in it, by way of its groups. Returns the number of values.
int64_t read_everything(Reader& file, const std::string& group, int depth = 0) {
  int64_t count = 0;
  for (const char* name : {"model_config", "training_config", "keras_version"}) file.text(group, name);
  for (const char* name : {"layer_names", "weight_names"}) file.names(group, name);
  for (const std::string& member : file.members(group)) {
    std::string path = group.empty() ? member : fmt::format("{}/{}", group, member);
    if (file.is_group(path)) {
      if (depth < 8) count += read_everything(file, path, depth + 1);
      continue;
    }
    Dataset dataset = file.dataset(path);
    std::vector<double> values(dataset.shape.elements());
    file.read<double>(dataset, values);
    count += dataset.shape.elements();
  }
  return count;
}

/// What is wrong with a file of these bytes; empty if it can be read.
std::string complaint(const Bytes& bytes) {
  try {
    Reader file(file_of(bytes));
    read_everything(file, "");
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::model_file);
    return error.what();
  }
}

Group sample() {
  Group root;
  std::vector<std::string> names;
  for (int i = 0; i < 600; ++i) {
    names.push_back("layer_" + std::to_string(i));
    root.group("w/" + names.back()).add("a/kernel:0", {2, 3}, std::vector<float>{0, 1, 2, 3, 4, 5.5F + i});
  }
  root.group("w").set_names("layer_names", names);
  root.group("w").set_names("weight_names", {});
  root.set_text("model_config", std::string(9000, 'x'));
  root.set_text("keras_version", "2.10.0");
  root.add("scalar", {}, std::vector<int64_t>{-7});
  root.add("doubles", {3}, std::vector<double>{0.1, 0.2, 0.3});
  return root;
}

Bytes bytes_of(const Group& root) {
  std::string bytes = image(root);
  return {bytes.begin(), bytes.end()};
}

TEST(Hdf5, ReadsWhatItWrites) {
  Reader file(file_of(bytes_of(sample())));
  EXPECT_EQ(file.text("", "model_config"), std::string(9000, 'x'));
  EXPECT_EQ(file.text("", "keras_version"), "2.10.0");
  EXPECT_EQ(file.text("", "absent"), std::nullopt);
  EXPECT_EQ(file.names("w", "layer_names")->size(), 600U);
  EXPECT_EQ(file.names("w", "layer_names")->at(599), "layer_599");
  EXPECT_TRUE(file.names("w", "weight_names")->empty());
  EXPECT_EQ(file.scalar("scalar"), -7);
  EXPECT_THAT(file.members(""), ElementsAre("doubles", "scalar", "w"));
  EXPECT_EQ(file.members("w").size(), 600U);
  EXPECT_FALSE(file.exists("w/layer_600"));
  EXPECT_FALSE(file.exists("w//layer_1"));
  std::vector<float> values(6);
  file.read<float>(file.dataset("w/layer_17/a/kernel:0"), values);
  EXPECT_THAT(values, ElementsAre(0, 1, 2, 3, 4, 22.5F));
}

TEST(Hdf5, TheLibraryReadsWhatItWrites) {
  std::string path = testing::TempDir() + "hdf5_test_" + std::to_string(::getpid()) + ".h5";
  write_file_atomically(path, image(sample()));
  Fixture file(path);
  EXPECT_EQ(file.names("w").size(), 600U);
  EXPECT_THAT(file.values("w/layer_599/a/kernel:0"), ElementsAre(0, 1, 2, 3, 4, 604.5));
  EXPECT_THAT(file.values("doubles"), ElementsAre(0.1, 0.2, 0.3));
  EXPECT_THAT(file.values("scalar"), ElementsAre(-7));
}

/// Class, charset and rank of an attribute as the library sees them: "vlen ascii 0".
std::string attribute_kind(hid_t file, const char* object, const char* name) {
  hid_t attribute = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT);
  hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
  std::string kind = H5Tget_class(type) == H5T_FLOAT          ? "float"
                     : H5Tis_variable_str(type) > 0           ? "vlen"
                     : H5Tget_strpad(type) == H5T_STR_NULLPAD ? "fixed"
                                                              : "other";
  if (kind != "float") kind += H5Tget_cset(type) == H5T_CSET_UTF8 ? " utf8" : " ascii";
  kind += fmt::format(" {}", H5Sget_simple_extent_ndims(space));
  H5Sclose(space);
  H5Tclose(type);
  H5Aclose(attribute);
  return kind;
}

TEST(Hdf5, AttributesAreOfTheKindsThatKeras2_10Writes) {
  std::string path = testing::TempDir() + "hdf5_kinds_" + std::to_string(::getpid()) + ".h5";
  Group root = sample();
  root.set_text("backend", "tensorflow", Charset::utf8);
  root.group("split").set_names("layer_names", std::vector<std::string>(1001, std::string(127, 'n')));
  write_file_atomically(path, image(root));
  hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  EXPECT_EQ(attribute_kind(file, "/", "backend"), "vlen utf8 0");
  EXPECT_EQ(attribute_kind(file, "/", "model_config"), "vlen ascii 0");
  EXPECT_EQ(attribute_kind(file, "/w", "layer_names"), "vlen ascii 1");
  EXPECT_EQ(attribute_kind(file, "/w", "weight_names"), "float 1");
  EXPECT_EQ(attribute_kind(file, "/split", "layer_names0"), "fixed ascii 1");
  H5Fclose(file);
}

TEST(Hdf5, SeveralThreadsWriteAtOnce) {
  std::string expected = image(sample());
  std::vector<std::string> images(4);
  std::vector<std::thread> threads;
  for (std::string& target : images) threads.emplace_back([&target] { target = image(sample()); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(images, testing::Each(expected));
}

TEST(Hdf5, SameContentSameBytes) {
  EXPECT_EQ(image(sample()), image(sample()));
}

TEST(Hdf5, LongListsOfNamesAreSplitAsKerasDoes) {
  std::vector<std::string> names;
  names.reserve(1001);
  for (int i = 0; i < 1001; ++i) names.push_back(std::string(127, 'n') + std::to_string(i));
  Group root;
  root.set_names("weight_names", names);
  Reader file(file_of(bytes_of(root)));
  EXPECT_FALSE(file.has_attribute("", "weight_names"));
  EXPECT_TRUE(file.has_attribute("", "weight_names2"));
  EXPECT_EQ(file.names("", "weight_names"), names);
}

TEST(Hdf5, ReadsKerasFilesAsTheLibraryDoes) {
  for (const char* name : {"keras2-catdog.h5", "keras3-catdog.h5", "keras2-opt-adam-clipnorm.h5"}) {
    Reader file(models + name);
    Fixture library(models + name);
    int64_t compared = 0;
    std::vector<std::string> layers = file.names("model_weights", "layer_names").value();
    for (const std::string& layer : layers) {
      std::vector<std::string> weights = file.names("model_weights/" + layer, "weight_names").value();
      for (const std::string& weight : weights) {
        std::string path = fmt::format("model_weights/{}/{}", layer, weight);
        Dataset dataset = file.dataset(path);
        std::vector<double> values(dataset.shape.elements());
        file.read<double>(dataset, values);
        EXPECT_EQ(values, library.values(path)) << path;
        compared += dataset.shape.elements();
      }
    }
    EXPECT_GT(compared, 4) << name;
  }
}

TEST(Hdf5, EveryTruncationIsRefused) {
  Bytes whole = read_bytes(models + "keras2-opt-adam-clipnorm.h5");
  ASSERT_EQ(complaint(whole), "");
  for (size_t length = 0; length < whole.size(); length += length < 2048 ? 1 : 97) {
    Bytes part(whole.begin(), whole.begin() + length);
    ASSERT_THAT(complaint(part), HasSubstr("cut short")) << length;
  }
}

TEST(Hdf5, FlippedBitsNeverCrash) {
  for (const char* name : {"keras2-opt-adam-clipnorm.h5", "keras3-catdog.h5"}) {
    Bytes whole = read_bytes(models + name);
    RandomStream random(1, RandomPurpose::sample, 0, 0);
    int refused = 0;
    for (int run = 0; run < 3000; ++run) {
      Bytes damaged = whole;
      for (uint32_t flips = 1 + random.below(6); flips > 0; --flips)
        damaged[random.below(static_cast<uint32_t>(damaged.size()))] ^= 1 << random.below(8);
      refused += complaint(damaged).empty() ? 0 : 1;
    }
    EXPECT_GT(refused, 50) << name;
  }
}

/// The bytes of a Keras file with `change` made at the first place of `text`.
Bytes changed(const std::string& text, size_t offset, unsigned char value) {
  Bytes bytes = read_bytes(models + "keras2-opt-adam-clipnorm.h5");
  auto found = std::search(bytes.begin(), bytes.end(), text.begin(), text.end());
  EXPECT_NE(found, bytes.end());
  *(found + static_cast<std::ptrdiff_t>(offset)) = value;
  return bytes;
}

TEST(Hdf5, DamageIsNamed) {
  EXPECT_THAT(complaint({}), HasSubstr("too small"));
  EXPECT_THAT(complaint(Bytes(4096, 'x')), HasSubstr("is not an HDF5 file"));
  EXPECT_THAT(complaint(changed("HDF\r", 7, 2)), HasSubstr("another layout (superblock 2)"));
  EXPECT_THAT(complaint(changed("TREE", 0, 'X')), HasSubstr("lacks its mark TREE"));
  EXPECT_THAT(complaint(changed("SNOD", 0, 'X')), HasSubstr("lacks its mark SNOD"));
  EXPECT_THAT(complaint(changed("HEAP", 0, 'X')), HasSubstr("lacks its mark HEAP"));
  EXPECT_THAT(complaint(changed("GCOL", 0, 'X')), HasSubstr("lacks its mark GCOL"));
}

/// Files that the HDF5 library writes with one thing in them that a model file must not have.
class Hostile : public testing::Test {
 protected:
  Hostile() : file_(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {}

  void add_dataset(hid_t properties, hsize_t length = 4) {
    hid_t space = H5Screate_simple(1, &length, nullptr);
    H5Dclose(H5Dcreate2(file_, "x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(properties);
  }
  std::string complaint_now() {
    H5Fclose(file_);
    return complaint(read_bytes(path_));
  }

  std::string path_ = testing::TempDir() + "hostile_" + std::to_string(::getpid()) + ".h5";
  hid_t file_;
};

TEST_F(Hostile, SoftLink) {
  H5Lcreate_soft("/elsewhere", file_, "x", H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_THAT(complaint_now(), HasSubstr("x: is a soft link"));
}

TEST_F(Hostile, ExternalLink) {
  H5Lcreate_external("/etc/passwd", "/", file_, "x", H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_THAT(complaint_now(), HasSubstr("external link"));
}

TEST_F(Hostile, ExternalStorage) {
  hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(properties, "/etc/passwd", 0, 16);
  add_dataset(properties);
  EXPECT_THAT(complaint_now(), HasSubstr("x: has its data in another file"));
}

TEST_F(Hostile, VirtualDataset) {
  hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t length = 4;
  hid_t space = H5Screate_simple(1, &length, nullptr);
  H5Pset_virtual(properties, space, "/etc/passwd", "/y", space);
  H5Sclose(space);
  add_dataset(properties);
  EXPECT_THAT(complaint_now(), HasSubstr("x: "));
}

TEST_F(Hostile, CompressedDataset) {
  hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk = 2;
  H5Pset_chunk(properties, 1, &chunk);
  H5Pset_deflate(properties, 1);
  add_dataset(properties);
  EXPECT_THAT(complaint_now(), testing::AnyOf(HasSubstr("is compressed"), HasSubstr("in chunks")));
}

TEST_F(Hostile, ShapeBomb) {
  add_dataset(H5Pcreate(H5P_DATASET_CREATE), hsize_t{1} << 40);  // never written: takes no room in the file
  EXPECT_THAT(complaint_now(), HasSubstr("x: its shape has more elements than the file has bytes"));
}

TEST_F(Hostile, DatasetThatWasNeverWritten) {
  add_dataset(H5Pcreate(H5P_DATASET_CREATE));
  EXPECT_THAT(complaint_now(), HasSubstr("x: has no data"));
}

TEST_F(Hostile, GroupThatContainsItself) {
  H5Lcreate_hard(file_, "/", file_, "x", H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_EQ(complaint_now(), "");  // whoever walks over groups has to bound the depth
}

TEST(Hdf5, WhatIsNoFileIsNamed) {
  EXPECT_THROW(
      try { Reader("/nowhere/model.h5"); } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("/nowhere/model.h5: cannot be opened: No such file"));
        throw;
      },
      Error);
  EXPECT_THROW(Reader("/tmp"), Error);
  EXPECT_THROW(Reader("/dev/zero"), Error);
}

}  // namespace
}  // namespace manul::hdf5
