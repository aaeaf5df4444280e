#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>

#include "manul/models/graph/sequential.h"
#include "manul/models/training/callbacks.h"
#include "manul/testing/op_check.h"
#include "manul/tests/data/datasets/picture_folder.h"

// A GPU that is lost in the middle of a training. No call to it can succeed after that, so another process
// has to lose it: gtest starts this program once more for it.
namespace manul {
namespace {

constexpr int64_t short_batch = 16;  // of 70 pictures: five steps an epoch

class LostGpu : public PictureFolderTest {
 protected:
  void SetUp() override {
    if (!test_gpu()) GTEST_SKIP() << why_no_gpu();
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    PictureFolderTest::SetUp();
    write_many(35);
  }

  ImageDatasetOptions options(Device device, int64_t cache_mb) const {
    return {.image = {.height = 16, .width = 16},
            .augment = article(),
            .cache_mb = cache_mb,
            .stream_mb = 1,
            .device = device};
  }
  std::string checkpoint() const { return (folder / "checkpoint.h5").string(); }

  static Sequential compiled_model(Device device) {
    Sequential model({16, 16, 3});
    model.add(Conv2D{.filters = 8, .kernel_size = 3, .activation = Activation::relu});
    model.add(MaxPooling2D{.pool_size = 2});
    model.add(Flatten{});
    model.add(Dense{.units = 16, .activation = Activation::relu});
    model.add(Dense{.units = 1, .activation = Activation::sigmoid});
    model.compile(Adam{}, Loss::binary_crossentropy, {Metric::accuracy}, {.device = device, .seed = 7});
    return model;
  }

  /// Sends a kernel to an address that no GPU has after some steps, long since captured ones.
  class LoseIt : public Callback {
   public:
    void on_step_end(FitProgress& fit) override {
      if (fit.epoch == 2 && fit.step == 3) fit.model.state().set(&StepState::position, int64_t{1} << 40);
    }
  };

  /// Trains until the GPU is lost, tells why as the programs do, and ends with their exit code.
  void train_and_lose_it(int64_t cache_mb) const {
    int code = 0;
    try {
      ImageDataset train(ImageFolder::scan(folder), options(*test_gpu(), cache_mb));
      Sequential model = compiled_model(*test_gpu());
      ModelCheckpoint keep({.filepath = checkpoint()});
      LoseIt lose_it;
      model.fit(train, {.epochs = 50, .batch_size = short_batch, .callbacks = {&keep, &lose_it}});
    } catch (const Error& error) {
      std::fprintf(stderr, "%s\n", error.what());
      code = error.exit_code();
    }
    std::exit(code);  // with the destructors of everything static
  }

  void expect_a_sentence_and_a_whole_checkpoint(int64_t cache_mb) {
    EXPECT_EXIT(train_and_lose_it(cache_mb), ::testing::ExitedWithCode(5),
                "the GPU was lost in the middle of the work");
    // Goes on where the second epoch ended, on the CPU, as that GPU may not come back.
    Model model = Model::load(checkpoint(), {.training = true});
    ImageDataset train(ImageFolder::scan(folder), options(Device::cpu(), cache_mb));
    History history = model.fit(train, {.epochs = 3, .batch_size = short_batch, .resume = true});
    EXPECT_EQ(history.epochs().size(), 3U);
    EXPECT_EQ(model.state().read().iteration, 15);
  }
};

TEST_F(LostGpu, EndsInOneSentenceAndLeavesTheCheckpointWhole) {
  expect_a_sentence_and_a_whole_checkpoint(64);
}

TEST_F(LostGpu, EndsTheSameWhilePicturesAreStreamed) {
  expect_a_sentence_and_a_whole_checkpoint(0);
}

}  // namespace
}  // namespace manul
