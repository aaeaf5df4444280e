#include <gmock/gmock.h>

#include <filesystem>

#include "manul/framework/archive/zip.h"
#include "manul/framework/error.h"
#include "manul/models/hdf5/reader.h"
#include "manul/models/keras/h5.h"
#include "manul/models/keras/variables.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/keras_checks.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// Keras 3's own files: .keras and .weights.h5; weights by name and with skip_mismatch.
namespace manul {
namespace {

using testing::HasSubstr;

Model network(int64_t classes = 3) {
  Graph graph;
  Symbol x = graph.input({8, 8, 3});
  Symbol late = graph.apply(Conv2D{.filters = 4, .kernel_size = 1, .name = "late"}, x);
  Symbol y =
      graph.apply(Conv2D{.filters = 4, .kernel_size = 3, .padding = Padding::same, .name = "first"}, x);
  y = graph.apply(BatchNormalization{.name = "norm"}, y);
  y = graph.apply(Add{.name = "sum"}, {y, late});
  y = graph.apply(GlobalAveragePooling2D{.name = "pool"}, y);
  graph.set_outputs(
      {graph.apply(Dense{.units = classes, .activation = Activation::softmax, .name = "out"}, y)});
  return Model(std::move(graph));
}

Model trained(int steps = 3) {
  Model model = network();
  model.compile(Adam({.learning_rate = 0.01}), Loss::sparse_categorical_crossentropy, {Metric::accuracy},
                {.seed = 5});
  for (int i = 0; i < steps; ++i)
    model.train_on_batch(random_tensor({4, 8, 8, 3}, i), Tensor::from(std::vector<int32_t>{0, 1, 2, 0}, {4}));
  return model;
}

TEST(Keras3Format, TrainingGoesOnToTheBitFromAnArchive) {
  TemporaryFolder folder;
  std::string path = folder / "model.keras", again = folder / "again.keras";
  Model model = trained();
  model.preprocessing.class_names = {"a", "b", "c"};
  model.save(path);
  Model loaded = Model::load(path, {.training = true});
  expect_same_parameters(model, loaded);
  EXPECT_EQ(loaded.state().read().iteration, 3);
  EXPECT_EQ(loaded.preprocessing.class_names, model.preprocessing.class_names);
  loaded.save(again);
  EXPECT_TRUE(read_file(path) == read_file(again));
  for (Model* one : {&model, &loaded})
    one->train_on_batch(random_tensor({4, 8, 8, 3}, 9), Tensor::from(std::vector<int32_t>{1, 1, 2, 0}, {4}));
  expect_same_parameters(model, loaded);
}

TEST(Keras3Format, WeightsFilesOfEachKind) {
  TemporaryFolder folder;
  Model model = trained();
  for (const char* name : {"model.weights.h5", "weights.h5", "model.keras", "model.h5"}) {
    SCOPED_TRACE(name);
    std::string path = folder / name;
    if (std::string(name).starts_with("model.k") || std::string(name) == "model.h5")
      model.save(path);
    else
      save_weights(model, path);
    Model other = network();
    load_weights(other, path);
    expect_same_parameters(model, other);
  }
  EXPECT_THAT(complaint([&] { Model::load(folder / "model.weights.h5"); }), HasSubstr("holds weights alone"));
}

/// Layers whose weights lie in parts, in other orders or layouts, or are none that train.
Model uncommon() {
  Graph graph;
  Symbol x = graph.input({8, 8, 3}, "pictures");
  Symbol facts = graph.input({8}, "facts");
  x = graph.apply(SeparableConv2D{.filters = 6, .kernel_size = 3, .padding = Padding::same, .name = "apart"},
                  x);
  x = graph.apply(DepthwiseConv2D{.kernel_size = 3, .padding = Padding::same, .name = "deep"}, x);
  x = graph.apply(Conv2DTranspose{.filters = 8, .kernel_size = 2, .name = "back"}, x);
  x = graph.apply(PReLU{.name = "slopes"}, x);
  x = graph.apply(Reshape{.target_shape = {81, 8}, .name = "sequence"}, x);
  Symbol y = graph.apply(LayerNormalization{.name = "norm"}, x);
  y = graph.apply(MultiHeadAttention{.num_heads = 2, .key_dim = 3, .name = "attention"}, {y, y});
  y = graph.apply(MultiHeadAttention{.num_heads = 2, .key_dim = 3, .value_dim = 2, .name = "cross"},
                  {y, x, y});
  y = graph.apply(GlobalAveragePooling1D{.name = "mean"}, y);
  Symbol both = graph.apply(Concatenate{.name = "both"}, {y, facts});
  graph.set_outputs({graph.apply(Dense{.units = 3, .activation = Activation::softmax, .name = "which"}, both),
                     graph.apply(Dense{.units = 1, .activation = Activation::sigmoid, .name = "yes"}, y)});
  return Model(std::move(graph));
}

TEST(Keras3Format, LayersInPartsSeveralInputsAndOutputs) {
  TemporaryFolder folder;
  Model model = uncommon();
  model.compile(Adam({.learning_rate = 0.01}),
                {Loss::sparse_categorical_crossentropy, Loss::binary_crossentropy}, {Metric::accuracy},
                {.seed = 5});
  auto step = [](Model& one, uint64_t seed) {
    one.train_on_batch(
        {random_tensor({2, 8, 8, 3}, seed), random_tensor({2, 8}, seed + 1)},
        {Tensor::from(std::vector<int32_t>{0, 2}, {2}), Tensor::from(std::vector<float>{0, 1}, {2, 1})});
  };
  step(model, 1);
  model.save(folder / "model.keras");
  save_weights(model, folder / "model.weights.h5");
  Model loaded = Model::load(folder / "model.keras", {.training = true});
  expect_same_parameters(model, loaded);
  Model other = uncommon();
  load_weights(other, folder / "model.weights.h5");
  expect_same_parameters(model, other);
  for (Model* one : {&model, &loaded}) step(*one, 7);
  expect_same_parameters(model, loaded);
  // As Keras lays it out.
  hdf5::Reader file(folder / "model.weights.h5");
  for (const char* path :
       {"layers/multi_head_attention/query_dense/vars/0", "layers/multi_head_attention_1/output_dense/vars/1",
        "layers/separable_conv2d/vars/2", "layers/p_re_lu/vars/0", "optimizer/vars/2"})
    EXPECT_TRUE(file.exists(path)) << path;
}

TEST(Keras3Format, ArchitectureAndWeightsFromTwoFiles) {
  TemporaryFolder folder;
  std::string path = folder / "two.weights.h5";
  Model model = trained();
  save_weights(model, path);
  Model other = model_from_json(to_json(model));
  load_weights(other, path);
  expect_same_parameters(model, other);
  EXPECT_THAT(complaint([] { model_from_json("{"); }), HasSubstr("JSON"));
}

TEST(Keras3Format, WeightsByNameAndWithOtherShapes) {
  TemporaryFolder folder;
  std::string path = folder / "base.h5";
  Model model = trained();
  save_weights(model, path);
  Model head = network(5);
  EXPECT_THAT(complaint([&] { load_weights(head, path); }),
              HasSubstr("has shape [4, 3], but out/kernel needs [4, 5]"));
  load_weights(head, path, {.skip_mismatch = true});
  EXPECT_TRUE(
      equal_bits(head.parameters().at("first/kernel").value, model.parameters().at("first/kernel").value));

  Graph graph;
  Symbol x = graph.input({8, 8, 3});
  x = graph.apply(Conv2D{.filters = 2, .kernel_size = 1, .name = "new"}, x);
  x = graph.apply(Flatten{}, x);
  graph.set_outputs({graph.apply(Dense{.units = 3, .name = "out"}, x)});
  Model part(std::move(graph));
  EXPECT_THAT(complaint([&] { load_weights(part, path, {.by_name = true}); }), HasSubstr("out/kernel needs"));
  Graph same;
  x = same.input({8, 8, 3});
  same.set_outputs({same.apply(Conv2D{.filters = 4, .kernel_size = 3, .name = "first"}, x)});
  Model first(std::move(same));
  load_weights(first, path, {.by_name = true});
  EXPECT_TRUE(
      equal_bits(first.parameters().at("first/kernel").value, model.parameters().at("first/kernel").value));
  save_weights(model, folder / "base.weights.h5");
  EXPECT_THAT(complaint([&] { load_weights(first, folder / "base.weights.h5", {.by_name = true}); }),
              HasSubstr("has no names of layers"));
}

TEST(Keras3Format, ArchivesThatAreNoModels) {
  TemporaryFolder folder;
  std::string path = folder / "bad.keras";
  auto said = [&](const std::string& bytes) {
    write_file(path, bytes);
    return complaint([&] { Model::load(path); });
  };
  EXPECT_THAT(said(archive::zip({{"readme", "x"}})), HasSubstr("without config.json"));
  EXPECT_THAT(said(archive::zip({{"config.json", "{}"}})), HasSubstr("without model.weights.h5"));
  EXPECT_THAT(said(archive::zip({{"config.json", std::string((1 << 24) + 1, ' ')}})),
              HasSubstr("bytes that are read"));
  EXPECT_THAT(said(archive::zip({{"config.json", "{"}, {"model.weights.h5", "x"}})),
              HasSubstr("bad.keras: "));
  trained().save(path);
  std::string whole = read_file(path);
  for (size_t length = 0; length < whole.size(); length += 1 + whole.size() / 50)
    EXPECT_NE(said(whole.substr(0, length)), "") << length;
  for (int run = 0; run < 200; ++run) {
    std::string damaged = whole;
    damaged[static_cast<size_t>(run) * 7919 % damaged.size()] ^= static_cast<char>(1 << run % 8);
    said(damaged);  // an error in a sentence or none; never a crash
  }
}

TEST(Keras3Format, NamesOfGroupsAreThoseOfKeras) {
  for (const auto& [name, expected] : std::initializer_list<std::pair<const char*, const char*>>{
           {"Conv2D", "conv2d"},
           {"Conv2DTranspose", "conv2d_transpose"},
           {"ReLU", "re_lu"},
           {"PReLU", "p_re_lu"},
           {"LeakyReLU", "leaky_re_lu"},
           {"ELU", "elu"},
           {"UpSampling2D", "up_sampling2d"},
           {"BatchNormalization", "batch_normalization"},
           {"GlobalAveragePooling2D", "global_average_pooling2d"},
           {"SeparableConv2D", "separable_conv2d"},
           {"zoo>Scale", "scale"}})
    EXPECT_EQ(snake_case(name), expected);
}

}  // namespace
}  // namespace manul
