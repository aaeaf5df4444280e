#include <gtest/gtest.h>

#include <sstream>

#include "manul/models/graph/layer_table.h"
#include "manul/models/zoo/zoo.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/models/support.h"
#include "manul/tests/temporary_folder.h"

// The texts in tests/reference/summary were printed by tf.keras 2.15.
namespace manul {
namespace {

std::string reference_text(const std::string& name) {
  return read_file(reference_file("summary/" + name + ".txt"));
}

TEST(Summary, OfTheArticlesNetwork) {
  Sequential model({64, 64, 3});
  model.add(Conv2D{.filters = 32, .kernel_size = 3, .strides = 3, .activation = Activation::relu});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(Flatten{});
  model.add(Dense{.units = 128, .activation = Activation::relu});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  EXPECT_EQ(model.summary(), reference_text("article"));
}

TEST(Summary, OfAGraphShowsConnections) {
  Graph graph;
  Symbol x = graph.input({13, 12, 3});
  Symbol y = graph.apply(Conv2D{.filters = 8, .kernel_size = 3, .padding = Padding::same}, x);
  y = graph.apply(ReLU{}, graph.apply(BatchNormalization{}, y));
  y = graph.apply(Conv2D{.filters = 8,
                         .kernel_size = 3,
                         .padding = Padding::same,
                         .name = "a_layer_with_a_very_long_name_indeed"},
                  y);
  Symbol skip = graph.apply(Conv2D{.filters = 8}, x);
  Symbol z = graph.apply(ReLU{}, graph.apply(Add{}, {y, skip}));
  z = graph.apply(GlobalAveragePooling2D{}, z);
  Symbol a = graph.input({8});
  LayerPtr shared = Dense{.units = 5};
  Symbol sum = graph.apply(Add{}, {graph.apply(shared, z), graph.apply(shared, a)});
  graph.set_outputs({graph.apply(Dense{.units = 1, .activation = Activation::sigmoid}, sum)});
  EXPECT_EQ(Model(graph).summary(), reference_text("graph"));
}

TEST(Summary, OfAGraphThatIsAChainShowsItsInputAndWhatIsFrozen) {
  Graph graph;
  Symbol x = graph.apply(Dense{.units = 1024}, graph.input({4096}));
  x = graph.apply(Dropout{.rate = 0.5}, x);
  x = graph.apply(Dense{.units = 3, .activation = Activation::softmax, .trainable = false}, x);
  graph.set_outputs({x});
  EXPECT_EQ(Model(graph).summary(), reference_text("chain"));
}

TEST(Summary, OfNestedModels) {
  Sequential encoder({8, 9, 3}, "encoder");
  encoder.add(Conv2D{.filters = 4, .kernel_size = 3, .name = "conv"});
  encoder.add(BatchNormalization{.name = "norm"});
  encoder.add(GlobalAveragePooling2D{});
  encoder.add(Dense{.units = 3, .name = "dense"});
  LayerPtr nested = encoder;
  Graph inner;
  Symbol y = inner.input({3});
  LayerPtr frozen = Dense{.units = 3, .activation = Activation::tanh, .name = "dense", .trainable = false};
  Symbol mixed = inner.apply(Add{}, {y, inner.apply(frozen, y)});
  inner.set_outputs({inner.apply(Dense{.units = 3, .name = "mix"}, mixed)});
  inner.set_name("mixer");
  Model mixer(std::move(inner));
  Graph graph;
  Symbol x = graph.input({8, 9, 3}, "picture");
  Symbol left = graph.apply(nested, x), right = graph.apply(nested, graph.apply(ReLU{.name = "relu"}, x));
  Symbol both =
      graph.apply(Add{.name = "both"}, {left, graph.apply(Dense{.units = 3, .name = "dense"}, right)});
  graph.set_outputs({graph.apply(mixer, graph.apply(mixer, both))});
  graph.set_name("nested");
  EXPECT_EQ(Model(std::move(graph)).summary(), reference_text("nested"));

  Graph chain;
  chain.set_outputs(
      {chain.apply(Dense{.units = 2, .name = "head"}, chain.apply(nested, chain.input({8, 9, 3})))});
  chain.set_sequential(true);
  chain.set_name("outer");
  EXPECT_EQ(Model(std::move(chain)).summary(), reference_text("nested_in_sequential"));
}

TEST(LayerTable, KeepsNamesWholeIn80Columns) {
  Sequential model({64, 64, 3});
  model.add(Conv2D{.filters = 32, .kernel_size = 3, .strides = 3, .activation = Activation::relu});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(Flatten{});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  EXPECT_EQ(layer_table(model),
            "Model: sequential\n"
            "Layer (type)                  Output shape        Param #\n"
            "---------------------------------------------------------\n"
            "conv2d (Conv2D)               (None, 21, 21, 32)      896\n"
            "max_pooling2d (MaxPooling2D)  (None, 10, 10, 32)        0\n"
            "flatten (Flatten)             (None, 3200)              0\n"
            "dense (Dense)                 (None, 1)              3201\n"
            "---------------------------------------------------------\n"
            "Total params: 4097 (16.00 KB)\n"
            "Trainable params: 4097 (16.00 KB)\n"
            "Non-trainable params: 0 (0.00 Byte)\n");
}

TEST(LayerTable, NamesWhatFeedsALayer) {
  Graph graph;
  Symbol x = graph.input({8}, "numbers");
  LayerPtr shared = Dense{.units = 8, .name = "shared"};
  Symbol once = graph.apply(shared, x), twice = graph.apply(shared, once);
  Symbol z = graph.apply(Dropout{.name = "a_layer_whose_name_fills_most_of_a_line_alone"}, twice);
  graph.set_outputs({graph.apply(Add{.name = "sum"}, {z, once})});
  graph.set_name("shares");
  std::string table = layer_table(Model(std::move(graph)), 60);
  EXPECT_EQ(table.substr(0, table.rfind("\n---") + 1),
            "Model: shares\n"
            "Layer (type)                                   Output shape  Param #\n"
            "--------------------------------------------------------------------\n"
            "numbers (InputLayer)                           [(None, 8)]         0\n"
            "shared (Dense)                                 (None, 8)          72\n"
            "    from numbers, shared\n"
            "a_layer_whose_name_fills_most_of_a_line_alone\n"
            "  (Dropout)                                    (None, 8)           0\n"
            "    from shared[1][0]\n"
            "sum (Add)                                      (None, 8)           0\n"
            "    from a_layer_whose_name_fills_most_of_a_line_alone,\n"
            "         shared\n");
}

TEST(LayerTable, OfReadyMadeNetworksFitsATerminal) {
  for (const char* name : {"resnet18", "mobilenetv2", "inceptionv3", "convnexttiny"}) {
    std::istringstream lines(layer_table(find_network(name).build()));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80) << name << ": " << line;
  }
}

}  // namespace
}  // namespace manul
