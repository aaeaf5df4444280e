#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "manul/data/datasets/image_dataset.h"
#include "manul/data/image/image_io.h"
#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/tests/error_of.h"
#include "manul/tests/temporary_folder.h"

namespace manul {

/// The number of this process, or of that whose death test runs in this one: the test must find its folder.
inline std::string first_process() {
  constexpr const char* name = "MANUL_TEST_PROCESS";
  setenv(name, std::to_string(getpid()).c_str(), 0);
  return getenv(name);
}

/// A folder of small pictures for one test.
class PictureFolderTest : public ::testing::Test {
 protected:
  std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) /
      ("manul_" + first_process() + "_" + ::testing::UnitTest::GetInstance()->current_test_info()->name());

  void SetUp() override { std::filesystem::remove_all(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  void write(const std::string& name, int seed = 0) {
    Image image(8, 9, 3);
    RandomStream stream(seed, RandomPurpose::sample, 0, 0);
    for (uint8_t& pixel : image.pixels) pixel = static_cast<uint8_t>(stream.below(256));
    std::filesystem::create_directories((folder / name).parent_path());
    save_png(folder / name, image);
  }
  void write_text(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder / name).parent_path());
    write_file(folder / name, text);
  }
  void write_many(int each = 20) {
    for (int i = 0; i < each; ++i) {
      write("cats/" + std::to_string(i) + ".png", i);
      write("dogs/" + std::to_string(i) + ".png", 100 + i);
    }
  }
  std::vector<std::string> names(const std::vector<ImageFolder::File>& files) {
    std::vector<std::string> result;
    result.reserve(files.size());
    for (const auto& file : files)
      result.push_back(file.path.lexically_relative(folder).string() + "=" + std::to_string(file.label));
    return result;
  }
  static ImageDatasetOptions small() {
    ImageDatasetOptions options;
    options.image = {.height = 6, .width = 6};
    return options;
  }
  static AugmentOptions article() {
    AugmentOptions options;
    options.shear_range = 0.2;
    options.zoom_low = 0.8;
    options.zoom_high = 1.2;
    options.horizontal_flip = true;
    return options;
  }
  /// All batches of an epoch, inputs and labels one after the other.
  static std::vector<float> epoch_of(ImageDataset& data, int64_t epoch, uint64_t seed, bool shuffle,
                                     Device device = {}, int64_t batch = 8) {
    DeviceStepState state(device);
    state.write({.epoch = epoch, .seed = seed});
    data.begin_epoch(epoch, seed, shuffle);
    std::vector<float> all;
    for (int64_t done = 0; done < data.size();) {
      int64_t count = std::min(batch, data.size() - done);
      Tensor inputs = Tensor::empty(data.sample_shape().batch_of(count), DType::f32, device);
      Tensor labels = Tensor::empty({count}, DType::i32, device);
      data.prepare_batch(done, count);
      data.next_batch(state, inputs, labels);
      for (float value : inputs.to_vector<float>()) all.push_back(value);
      for (int32_t value : labels.to_vector<int32_t>()) all.push_back(static_cast<float>(value));
      state.set(&StepState::position, done += count);
    }
    return all;
  }
};

}  // namespace manul
