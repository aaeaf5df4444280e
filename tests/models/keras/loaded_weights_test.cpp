#include <gmock/gmock.h>

#include "manul/layers/layers.h"
#include "manul/models/graph/sequential.h"
#include "manul/models/keras/h5.h"
#include "manul/tests/error_of.h"
#include "manul/tests/temporary_folder.h"

// What load_weights() says that it found.
namespace manul {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Sequential network(int64_t classes, const std::string& last, uint64_t seed) {
  Sequential model({8, 8, 3});
  model.add(Conv2D{.filters = 4, .kernel_size = 3, .name = "first"});
  model.add(BatchNormalization{.name = "norm"});
  model.add(Flatten{.name = "flat"});
  model.add(Dense{.units = classes, .name = last});
  model.build({.seed = seed});
  return model;
}

std::vector<float> kernel(Model& model, const std::string& layer) {
  return model.parameters().at(layer + "/kernel").value.to_vector<float>();
}

TEST(LoadedWeights, ByNameOfEveryFormatThatHasNames) {
  TemporaryFolder folder;
  Model saved = network(5, "out", 1);
  saved.save(folder / "model.h5");
  saved.save(folder / "model.keras");
  save_weights(saved, folder / "weights.h5");
  for (const char* name : {"model.h5", "model.keras", "weights.h5"}) {
    Model same = network(5, "out", 2);
    LoadedWeights all = load_weights(same, folder / name, {.by_name = true});
    EXPECT_THAT(all.loaded, ElementsAre("first", "norm", "out")) << name;
    EXPECT_EQ(kernel(same, "out"), kernel(saved, "out")) << name;

    Model fewer = network(2, "out", 2);
    std::vector<float> own = kernel(fewer, "out");
    EXPECT_NE(error_of([&] { load_weights(fewer, folder / name, {.by_name = true}); }, ErrorKind::model_file),
              "")
        << name;
    LoadedWeights part = load_weights(fewer, folder / name, {.by_name = true, .skip_mismatch = true});
    EXPECT_TRUE(part.by_name);
    EXPECT_THAT(part.loaded, ElementsAre("first", "norm")) << name;
    EXPECT_THAT(part.other_shapes, ElementsAre("out")) << name;
    EXPECT_THAT(part.not_in_file, IsEmpty());
    EXPECT_EQ(kernel(fewer, "first"), kernel(saved, "first")) << name;
    EXPECT_EQ(kernel(fewer, "out"), own) << name;

    Model renamed = network(5, "other", 2);
    LoadedWeights found = load_weights(renamed, folder / name, {.by_name = true});
    EXPECT_THAT(found.not_in_file, ElementsAre("other")) << name;
    EXPECT_THAT(found.not_in_model, ElementsAre("out")) << name;
  }
}

TEST(LoadedWeights, LayersWithinANestedModelAreFoundByName) {
  TemporaryFolder folder;
  Sequential base({8, 8, 3}, "base");
  base.add(Conv2D{.filters = 4, .kernel_size = 3, .name = "first"});
  base.add(BatchNormalization{.name = "norm"});
  base.add(Flatten{.name = "flat"});
  Sequential whole({8, 8, 3});
  whole.add(base);
  whole.add(Dense{.units = 3, .name = "top"});
  whole.build({.seed = 1});
  whole.save(folder / "nested.h5");
  Model flat = network(5, "out", 2);
  LoadedWeights found = load_weights(flat, folder / "nested.h5", {.by_name = true, .skip_mismatch = true});
  EXPECT_THAT(found.loaded, ElementsAre("first", "norm"));
  EXPECT_THAT(found.not_in_file, ElementsAre("out"));
  EXPECT_THAT(found.not_in_model, ElementsAre("top"));
  EXPECT_EQ(kernel(flat, "first"), whole.parameters().at("base/first/kernel").value.to_vector<float>());
}

TEST(LoadedWeights, InOrder) {
  TemporaryFolder folder;
  Model saved = network(5, "out", 1);
  save_weights(saved, folder / "base.weights.h5");
  save_weights(saved, folder / "base.h5");
  for (const char* name : {"base.weights.h5", "base.h5"}) {
    Model fewer = network(2, "answer", 2);
    LoadedWeights found = load_weights(fewer, folder / name, {.skip_mismatch = true});
    EXPECT_FALSE(found.by_name);
    EXPECT_THAT(found.loaded, ElementsAre("first", "norm")) << name;
    EXPECT_THAT(found.other_shapes, ElementsAre("answer")) << name;
    EXPECT_EQ(kernel(fewer, "first"), kernel(saved, "first")) << name;
  }
}

}  // namespace
}  // namespace manul
