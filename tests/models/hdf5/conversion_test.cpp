#include <gmock/gmock.h>
#include <hdf5.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/models/hdf5/convert.h"
#include "manul/models/keras/h5.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/models/keras_checks.h"
#include "manul/tests/temporary_folder.h"

// Files of another layout than Keras writes: converted by libhdf5 in a process of its own.
namespace manul {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

bool has_h5repack() {
  return std::system("h5repack --version >/dev/null 2>&1") == 0;
}

/// The file, laid out anew as h5repack's options say.
std::string repacked(const TemporaryFolder& folder, const std::string& options, const std::string& path) {
  std::string target = folder / "repacked.h5";
  fs::remove(target);
  std::string command = fmt::format("h5repack {} '{}' '{}' >/dev/null 2>&1", options, path, target);
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return target;
}

/// What is saved of the file loaded for training, or for prediction where that is refused.
std::string saved_again(const TemporaryFolder& folder, const std::string& path) {
  std::string target = folder / "again.h5";
  try {
    Model::load(path, {.training = true}).save(target);
  } catch (const Error&) {
    Model::load(path).save(target);
  }
  return read_file(target);
}

TEST(Conversion, EveryModelFileLoadsHoweverItIsLaidOut) {
  if (!has_h5repack()) GTEST_SKIP() << "h5repack (package hdf5-tools) is not there";
  TemporaryFolder folder;
  std::vector<fs::path> files;
  for (const char* place : {"models", "faults"})
    for (const fs::directory_entry& entry : fs::directory_iterator(reference_file(place)))
      if (entry.path().extension() == ".h5") files.push_back(entry.path());
  for (const char* place : {"fixtures/models", "keras_h5"})
    if (fs::path shared = shared_file(place); !shared.empty())
      for (const fs::directory_entry& entry : fs::directory_iterator(shared))
        if (entry.path().extension() == ".h5" && fs::file_size(entry.path()) < (1 << 20))
          files.push_back(entry.path());
  size_t loaded = 0;
  for (const fs::path& file : files) {
    SCOPED_TRACE(file);
    std::string expected;
    try {
      expected = saved_again(folder, file);
    } catch (const Error&) {
      continue;  // no model, or one that is refused: other tests say why
    }
    ++loaded;
    // Keras' own files in every layout, the others in one each.
    static const std::vector<std::string> layouts = {"-f GZIP=6 -l CHUNK=1", "-f SHUF -f GZIP=6", "-L"};
    for (size_t i = 0; i < layouts.size(); ++i) {
      if (file.parent_path().filename() != "models" && i != loaded % layouts.size()) continue;
      const std::string& options = layouts[i];
      SCOPED_TRACE(options);
      std::string path = repacked(folder, options, file);
      EXPECT_THAT(complaint([&] { Model::load(path, {.conversion = false}); }),
                  testing::AnyOf(HasSubstr("which Keras does not"), HasSubstr("than Keras writes")));
      EXPECT_EQ(saved_again(folder, path), expected);
    }
  }
  EXPECT_GT(loaded, 20U);
}

TEST(Conversion, WeightsOfAnotherLayoutLoad) {
  if (!has_h5repack()) GTEST_SKIP() << "h5repack (package hdf5-tools) is not there";
  TemporaryFolder folder;
  std::string path = reference_file("models/keras2-catdog.h5");
  Model expected = Model::load(path), model = Model::load(path);
  for (Parameter& parameter : model.parameters().all()) parameter.value.fill_zero();
  load_weights(model, repacked(folder, "-L -f GZIP=6", path));
  for (const Parameter& parameter : expected.parameters().all())
    EXPECT_EQ(parameter.value.to_vector<float>(),
              model.parameters().at(parameter.path).value.to_vector<float>());
}

TEST(Conversion, DamagedFilesEndWithASentence) {
  if (!has_h5repack()) GTEST_SKIP() << "h5repack (package hdf5-tools) is not there";
  TemporaryFolder folder;
  std::string whole = read_file(repacked(folder, "-L -f GZIP=6", reference_file("models/keras2-catdog.h5")));
  std::string path = folder / "damaged.h5";
  RandomStream random(2, RandomPurpose::sample, 0, 0);
  int refused = 0;
  for (int run = 0; run < 150; ++run) {
    std::string damaged = whole;
    for (uint32_t flips = 1 + random.below(6); flips > 0; --flips)
      damaged[random.below(static_cast<uint32_t>(damaged.size()))] ^= static_cast<char>(1 << random.below(8));
    write_file(path,
               run % 10 == 0 ? whole.substr(0, random.below(static_cast<uint32_t>(whole.size()))) : damaged);
    refused += complaint([&] { Model::load(path, {.training = true}); }).empty() ? 0 : 1;
  }
  EXPECT_GT(refused, 30);
}

/// Files of the newest layout, with one thing in them that a model file must not have.
class HostileConversion : public testing::Test {
 protected:
  HostileConversion() {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    file_ = H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
  }
  void add_dataset(hid_t properties, hsize_t length) {
    hid_t space = H5Screate_simple(1, &length, nullptr);
    H5Dclose(H5Dcreate2(file_, "x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(properties);
  }
  std::string complaint_now() {
    H5Fclose(file_);
    return complaint([&] {
      hdf5::read_any_layout(std::make_shared<const hdf5::OpenFile>(path_), true,
                            [](hdf5::Reader& file) { return file.exists("x"); });
    });
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "hostile.h5";
  hid_t file_;
};

TEST_F(HostileConversion, NothingAmissIsNoComplaint) {
  add_dataset(H5Pcreate(H5P_DATASET_CREATE), 4);
  EXPECT_EQ(complaint_now(), "");
}

TEST_F(HostileConversion, SoftLink) {
  H5Lcreate_soft("/elsewhere", file_, "x", H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_THAT(complaint_now(), HasSubstr("x: is a soft link"));
}

TEST_F(HostileConversion, ExternalLink) {
  H5Lcreate_external("/etc/passwd", "/", file_, "x", H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_THAT(complaint_now(), HasSubstr("x: is a soft link or an external link"));
}

TEST_F(HostileConversion, ExternalStorage) {
  hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(properties, "/etc/passwd", 0, 16);
  add_dataset(properties, 4);
  EXPECT_THAT(complaint_now(), HasSubstr("x: has its data in another file"));
}

TEST_F(HostileConversion, VirtualDataset) {
  hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t length = 4;
  hid_t space = H5Screate_simple(1, &length, nullptr);
  H5Pset_virtual(properties, space, "/etc/passwd", "/y", space);
  H5Sclose(space);
  add_dataset(properties, 4);
  EXPECT_THAT(complaint_now(), HasSubstr("x: has its data in another file"));
}

TEST_F(HostileConversion, Bomb) {
  hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk = 1 << 20;
  H5Pset_chunk(properties, 1, &chunk);
  H5Pset_deflate(properties, 9);
  add_dataset(properties, hsize_t{1} << 40);
  EXPECT_THAT(complaint_now(), HasSubstr("x: its content is many times as large as the file"));
}

TEST_F(HostileConversion, GroupsThatContainThemselves) {
  for (const char* name : {"x", "y", "z"}) H5Lcreate_hard(file_, "/", file_, name, H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_THAT(complaint_now(), HasSubstr("contain each other"));
}

TEST_F(HostileConversion, AnUnknownFilter) {
  hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk = 4;
  H5Pset_chunk(properties, 1, &chunk);
  H5Pset_filter(properties, 32015, H5Z_FLAG_OPTIONAL, 0, nullptr);
  add_dataset(properties, 4);
  EXPECT_THAT(complaint_now(), HasSubstr("x: is compressed by filter 32015"));
}

}  // namespace
}  // namespace manul
