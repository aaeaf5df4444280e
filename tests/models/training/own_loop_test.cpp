#include <gtest/gtest.h>

#include <functional>

#include "manul/data/datasets/epoch.h"
#include "manul/data/datasets/subset.h"
#include "manul/framework/tape.h"
#include "manul/ops/losses/loss.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/drawn_folder.h"
#include "manul/tests/models/support.h"

namespace manul {
namespace {

/// The documented loop, with dropout, a short last batch and an optimizer that is given no rate: the weights
/// after three epochs.
Sequential trained_in_own_loop(Dataset& data, Sequential model) {
  model.build({.seed = 4});
  Adam adam({.learning_rate = 0.01});
  adam.attach(model.parameters());
  DeviceStepState state;
  int64_t seen = 0;
  for (int64_t epoch = 0; epoch < 3; ++epoch)
    for (const Batch& batch : Epoch(data, state, {.epoch = epoch, .seed = 4})) {
      int64_t count = batch.inputs[0].shape()[0];
      Tape tape;
      Tensor output = model.forward(batch.inputs[0], {.training = true, .state = &state});
      Tensor loss =
          loss_from_probabilities(Loss::binary_crossentropy, output, batch.labels[0].view({count, 1}));
      adam.minimize(tape, loss, state);
      seen += count;
    }
  EXPECT_EQ(seen, 3 * data.size());
  EXPECT_EQ(state.read().iteration, 3 * ((data.size() + 31) / 32));
  return model;
}

Sequential fitted(Dataset& data, const Fusion& fusion, Sequential model) {
  model.compile(Adam({.learning_rate = 0.01}), Loss::binary_crossentropy, {}, {.seed = 4, .fusion = fusion});
  model.fit(data, {.epochs = 3});
  return model;
}

TEST(OwnLoop, GivesTheNumbersOfFit) {
  InMemoryDataset data = corner_pictures(70, 1);
  Sequential model = trained_in_own_loop(data, small_classifier(0.3));
  // Where fit takes the loss from the probabilities too it is the same arithmetic.
  EXPECT_TRUE(
      equal_bits(model.parameters().values(),
                 fitted(data, {.loss_from_logits = false}, small_classifier(0.3)).parameters().values()));
  // From the logits the loss differs in its last bits, which Adam's first steps, of one size whatever the
  // gradient's, make larger.
  EXPECT_LE(normalised_error(model.parameters().values(),
                             fitted(data, {}, small_classifier(0.3)).parameters().values()),
            1e-3);
}

/// The same with pictures of a folder, augmented anew in each epoch, kept decoded or streamed.
TEST(OwnLoop, GivesTheNumbersOfFitOnAugmentedPictures) {
  DrawnFolder folder(40);
  for (int64_t cache_mb : {1024, 0}) {
    ImageDataset data(folder.files, folder.augmented(cache_mb));
    Sequential model = trained_in_own_loop(data, picture_classifier());
    EXPECT_TRUE(
        equal_bits(model.parameters().values(),
                   fitted(data, {.loss_from_logits = false}, picture_classifier()).parameters().values()))
        << cache_mb;
  }
}

/// Something looks at the data in the middle of the own loop's epoch: the same batches come.
TEST(OwnLoop, OthersMayWalkThroughTheDataInBetween) {
  DrawnFolder folder(20);
  ImageDataset pictures(folder.files, folder.augmented());
  ArrayDataset arrays = corner_pictures(40, 1);
  auto part = split(arrays, 0.8).first;
  Sequential of_pictures = picture_classifier(), of_arrays = small_classifier();
  of_pictures.compile(SGD{}, Loss::binary_crossentropy);
  of_arrays.compile(SGD{}, Loss::binary_crossentropy);

  auto batches = [](Dataset& data, int64_t epoch, const std::function<void()>& in_between) {
    DeviceStepState state;
    std::vector<float> all;
    for (const Batch& batch : Epoch(data, state, {.batch_size = 7, .epoch = epoch, .seed = 3})) {
      std::vector<float> values = batch.inputs[0].to_vector<float>();
      all.insert(all.end(), values.begin(), values.end());
      in_between();
    }
    return all;
  };
  for (auto& [data, model] : std::initializer_list<std::pair<Dataset*, Model*>>{
           {&pictures, &of_pictures}, {&arrays, &of_arrays}, {&part, &of_arrays}}) {
    std::vector<float> alone = batches(*data, 0, [] {});
    EXPECT_NE(batches(*data, 1, [] {}), alone) << "each epoch has an order and an augmentation of its own";
    EXPECT_EQ(batches(*data, 0, [&] { model->evaluate(*data, 5); }), alone);
    EXPECT_EQ(batches(*data, 0, [&] { model->predict(*data, 5); }), alone);
    EXPECT_EQ(batches(*data, 0, [&] { batches(*data, 2, [] {}); }), alone) << "a loop in the loop";
  }
}

TEST(OwnLoop, WhatIsFrozenInItsMiddleKeepsItsValue) {
  InMemoryDataset data = corner_pictures(70, 1);
  Sequential model = small_classifier();
  model.build({.seed = 4});
  Adam adam({.learning_rate = 0.01});
  adam.attach(model.parameters());
  DeviceStepState state;
  const Tensor &frozen = model.parameters().at("dense/kernel").value,
               &trained = model.parameters().at("dense_1/kernel").value;
  Tensor frozen_at, trained_at;
  for (const Batch& batch : Epoch(data, state, {.batch_size = 16, .seed = 4})) {
    if (state.read().iteration == 2) {
      model.layer("dense")->set_trainable(false);
      frozen_at = frozen.clone();
      trained_at = trained.clone();
    }
    Tape tape;
    Tensor output = model.forward(batch.inputs[0], {.training = true, .state = &state});
    Tensor labels = batch.labels[0].view(output.shape());
    adam.minimize(tape, loss_from_probabilities(Loss::binary_crossentropy, output, labels), state);
  }
  EXPECT_TRUE(equal_bits(frozen, frozen_at)) << "no momentum moves it either";
  EXPECT_FALSE(equal_bits(trained, trained_at));
}

}  // namespace
}  // namespace manul
