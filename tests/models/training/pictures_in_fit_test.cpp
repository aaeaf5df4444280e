#include <gtest/gtest.h>

#include "manul/data/datasets/subset.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/drawn_folder.h"
#include "manul/tests/models/support.h"

// fit on pictures of a folder that are augmented, kept decoded or streamed.
namespace manul {
namespace {

Sequential compiled_for_pictures() {
  Sequential model = picture_classifier();
  model.compile(Adam{{.learning_rate = 0.01}}, Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 3});
  return model;
}

/// Keeps the pictures of all batches that it has given.
class RecordedPictures : public ImageDataset {
 public:
  using ImageDataset::ImageDataset;
  std::vector<std::vector<float>> pictures;

 protected:
  void fill(const DeviceStepState& state, const Batch& batch) override {
    ImageDataset::fill(state, batch);
    pictures.push_back(batch.inputs[0].to_vector<float>());
  }
};

TEST(PicturesInFit, ASecondFitHasOrdersAndAugmentationsOfItsOwn) {
  DrawnFolder folder(24);
  for (int64_t cache_mb : {1024, 0})
    for (bool shuffle : {true, false}) {
      SCOPED_TRACE(testing::Message() << cache_mb << " " << shuffle);
      RecordedPictures in_two(folder.files, folder.augmented(cache_mb)),
          at_once(folder.files, folder.augmented(cache_mb));
      FitOptions options{.batch_size = in_two.size(), .shuffle = shuffle, .verbose = Verbose::none};
      auto fit = [&](Model& model, Dataset& data, int64_t epochs) {
        FitOptions of_epochs = options;
        of_epochs.epochs = epochs;
        model.fit(data, of_epochs);
      };
      Sequential one = compiled_for_pictures(), other = compiled_for_pictures();
      fit(one, in_two, 2);
      fit(one, in_two, 1);
      fit(other, at_once, 3);
      ASSERT_EQ(in_two.pictures.size(), 3U);
      // Without shuffling what differs is the augmentation alone.
      EXPECT_NE(in_two.pictures[2], in_two.pictures[0]);
      EXPECT_NE(in_two.pictures[2], in_two.pictures[1]);
      EXPECT_EQ(in_two.pictures, at_once.pictures);
      EXPECT_TRUE(equal_bits(one.parameters().values(), other.parameters().values()));
    }
}

/// Looks at data of its own choice, in the middle of an epoch and at its end.
class Looks : public Callback {
 public:
  explicit Looks(Dataset& data) : data_(data) {}
  void on_step_end(FitProgress& fit) override { fit.model.evaluate(data_, 7); }
  void on_epoch_end(FitProgress& fit, const Logs& /*logs*/) override { fit.model.predict(data_, 5); }

 private:
  Dataset& data_;
};

TEST(PicturesInFit, EvaluatingTheTrainingSetOrAPartOfItInACallbackChangesNothing) {
  DrawnFolder folder(40);
  for (int64_t cache_mb : {1024, 0}) {
    ImageDataset data(folder.files, folder.augmented(cache_mb));
    Subset part = take(data, 9), trained = skip(data, 4);
    auto fitted = [&](Dataset& train, std::vector<Callback*> callbacks) {
      Sequential model = compiled_for_pictures();
      History history =
          model.fit(train, {.epochs = 2, .batch_size = 16, .callbacks = callbacks, .verbose = Verbose::none});
      return std::pair(history.epochs(), model.parameters().values().to_vector<float>());
    };
    for (Dataset* train : std::initializer_list<Dataset*>{&data, &trained}) {
      auto alone = fitted(*train, {});
      for (Dataset* looked_at : std::initializer_list<Dataset*>{&data, &part, &trained}) {
        Looks looks(*looked_at);
        EXPECT_EQ(fitted(*train, {&looks}), alone) << cache_mb;
      }
    }
  }
}

}  // namespace
}  // namespace manul
