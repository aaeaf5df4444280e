#include <gtest/gtest.h>

#include "manul/data/datasets/epoch.h"
#include "manul/framework/tape.h"
#include "manul/ops/losses/loss.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"

namespace manul {
namespace {

/// The documented loop, with dropout, a short last batch and an optimizer that is given no rate: the weights
/// after three epochs.
Sequential trained_in_own_loop(Dataset& data) {
  Sequential model = small_classifier(0.3);
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

Sequential fitted(Dataset& data, const Fusion& fusion) {
  Sequential model = small_classifier(0.3);
  model.compile(Adam({.learning_rate = 0.01}), Loss::binary_crossentropy, {}, {.seed = 4, .fusion = fusion});
  model.fit(data, {.epochs = 3});
  return model;
}

TEST(OwnLoop, GivesTheNumbersOfFit) {
  InMemoryDataset data = corner_pictures(70, 1);
  Sequential model = trained_in_own_loop(data);
  // Where fit takes the loss from the probabilities too it is the same arithmetic.
  EXPECT_TRUE(equal_bits(model.parameters().values(),
                         fitted(data, {.loss_from_logits = false}).parameters().values()));
  // From the logits the loss differs in its last bits, which Adam's first steps, of one size whatever the
  // gradient's, make larger.
  EXPECT_LE(normalised_error(model.parameters().values(), fitted(data, {}).parameters().values()), 1e-3);
}

}  // namespace
}  // namespace manul
