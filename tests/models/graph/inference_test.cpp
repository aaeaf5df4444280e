#include "manul/models/graph/inference.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/models/keras/h5.h"
#include "manul/models/zoo/zoo.h"
#include "manul/ops/reduce/reduce.h"
#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"

namespace manul {
namespace {

constexpr Fusion unfolded{.folded_normalization = false, .convolution_tail = false};

/// Weights and moving statistics as after training: none is what it begins as.
void disturb(Model& model) {
  uint64_t key = 1;
  for (Parameter& parameter : model.parameters().all()) {
    if (parameter.path.starts_with("normalization/")) continue;  // of pixels, not of features
    if (parameter.shape.rank() > 1) continue;                    // drawn
    bool is_variance = parameter.name.ends_with("variance"), is_gamma = parameter.name.ends_with("gamma");
    Tensor noise =
        random_tensor(parameter.shape, ++key, parameter.value.dtype()).to(parameter.value.device());
    parameter.value.copy_from(is_variance || is_gamma ? scale(noise, 0.5, 1) : scale(noise, 0.3));
  }
}

void copy_parameters(const Model& from, Model& to) {
  for (const Parameter& parameter : from.parameters().all())
    to.parameters().at(parameter.path).value.copy_from(parameter.value);
}

class FoldedNetwork : public testing::TestWithParam<std::string> {
 protected:
  Model network(DType dtype, const Fusion& fusion) const {
    const Network& entry = find_network(GetParam());
    int64_t side = GetParam() == "vit" ? 24 : entry.least_side;
    Model model = entry.build({.input_shape = {side, side, entry.input_shape[2]}, .classes = 10});
    model.build({.seed = 4, .dtype = dtype, .gradients = false, .fusion = fusion});
    disturb(model);
    return model;
  }
  double difference(DType dtype) const {
    Model folded = network(dtype, {}), as_it_is = network(dtype, unfolded);
    const Shape& shape = folded.graph().nodes()[folded.graph().inputs()[0]].shape;
    Tensor x = random_tensor(shape.batch_of(2), 9, dtype);
    return normalised_error(folded.predict(x), as_it_is.predict(x));
  }
};

TEST_P(FoldedNetwork, PredictsAsTheUnfoldedOne) {
  EXPECT_LT(difference(DType::f64), 1e-12);
  EXPECT_LT(difference(DType::f32), 2e-5);
}

std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const Network& network : networks())
    if (!network.name.starts_with("vgg")) names.emplace_back(network.name);  // nothing to fold, large
  return names;
}
INSTANTIATE_TEST_SUITE_P(Zoo, FoldedNetwork, testing::ValuesIn(network_names()),
                         [](const auto& info) { return info.param; });

/// Each layer that a normalization is folded into, with what may stand around it.
Model every_kind(int64_t axis = -1) {
  Graph graph;
  Symbol pictures = graph.input({12, 10, 4});
  auto normalized = [&](const LayerPtr& layer, const Symbol& x) {
    return graph.apply(BatchNormalization{.axis = axis}, graph.apply(Dropout{}, graph.apply(layer, x)));
  };
  auto relu = [&](const Symbol& x) { return graph.apply(ReLU{}, x); };
  Symbol x = relu(normalized(Conv2D{.filters = 6, .kernel_size = 3, .padding = Padding::same}, pictures));
  Symbol skip = x;
  x = graph.apply(ZeroPadding2D{.padding = {{0, 1}, {1, 2}}}, x);
  x = relu(normalized(DepthwiseConv2D{.kernel_size = 3, .strides = 2, .depth_multiplier = 2}, x));
  x = graph.apply(
      ActivationLayer{.activation = Activation::gelu},
      normalized(Conv2DTranspose{.filters = 6, .kernel_size = 2, .strides = 2, .use_bias = false}, x));
  x = graph.apply(ActivationLayer{.activation = Activation::relu6},
                  normalized(Conv2D{.filters = 12, .kernel_size = 1}, x));
  x = graph.apply(ZeroPadding2D{.padding = 1}, x);
  x = graph.apply(ActivationLayer{.activation = Activation::relu6},
                  normalized(DepthwiseConv2D{.kernel_size = 3}, x));
  x = graph.apply(ActivationLayer{.activation = Activation::hard_silu},
                  normalized(Conv2D{.filters = 6, .kernel_size = 1, .use_bias = false}, x));
  x = normalized(DepthwiseConv2D{.kernel_size = 3, .padding = Padding::same}, x);
  x = graph.apply(Cropping2D{.cropping = {{0, 0}, {0, 2}}}, x);
  x = relu(graph.apply(Add{}, {x, normalized(Conv2D{.filters = 6, .kernel_size = 1}, skip)}));
  x = graph.apply(ZeroPadding2D{.padding = 1}, x);
  x = normalized(SeparableConv2D{.filters = 8, .kernel_size = 3}, x);
  x = relu(normalized(
      Conv2D{.filters = 8, .kernel_size = 3, .strides = 2, .padding = Padding::same, .groups = 2}, x));
  x = relu(normalized(Conv2D{.filters = 16, .kernel_size = 3, .groups = 8}, x));
  x = graph.apply(Reshape{.target_shape = {12, 16}}, x);
  x = relu(normalized(Conv1D{.filters = 6, .kernel_size = 3, .padding = Padding1D::causal}, x));
  x = relu(normalized(DepthwiseConv1D{.kernel_size = 3}, x));
  x = relu(normalized(SeparableConv1D{.filters = 5, .kernel_size = 2, .use_bias = false}, x));
  x = relu(normalized(Conv1DTranspose{.filters = 4, .kernel_size = 3, .strides = 2}, x));
  x = relu(normalized(Dense{.units = 7}, x));
  x = graph.apply(Flatten{}, x);
  x = relu(normalized(Dense{.units = 7, .use_bias = false}, x));
  graph.set_outputs({graph.apply(Dense{.units = 3, .activation = Activation::softmax}, x)});
  return Model(graph);
}

double folding_error(Model folded, Model as_it_is, const Shape& sample, DType dtype, Device device = {}) {
  folded.build({.device = device, .seed = 3, .dtype = dtype});
  as_it_is.build({.device = device, .seed = 3, .dtype = dtype, .fusion = unfolded});
  for (Model* model : {&folded, &as_it_is}) disturb(*model);
  Tensor x = random_tensor(sample.batch_of(5), 8, dtype);
  double worst = 0;
  for (int i = 0; i < 3; ++i) {  // eager, captured, replayed
    std::vector<Tensor> a = folded.predict_all(x), b = as_it_is.predict_all(x);
    for (size_t k = 0; k < a.size(); ++k) worst = std::max(worst, normalised_error(a[k], b[k]));
  }
  return worst;
}

TEST(Inference, FoldsIntoEveryKindOfLayer) {
  EXPECT_LT(folding_error(every_kind(), every_kind(), {12, 10, 4}, DType::f64), 1e-12);
  for (Device device : test_devices())
    EXPECT_LT(folding_error(every_kind(), every_kind(), {12, 10, 4}, DType::f32, device), 2e-5);
}

TEST(Inference, LeavesOtherAxesUnfolded) {
  auto of_axis = [](int64_t axis) {
    Sequential model({6, 5, 3});
    model.add(Conv2D{.filters = 4, .kernel_size = 3, .padding = Padding::same});
    model.add(BatchNormalization{.axis = axis});
    model.add(Flatten{});
    model.add(Dense{.units = 2});
    return model;
  };
  for (int64_t axis : {1, 2, 3, -2}) {
    EXPECT_LT(folding_error(of_axis(axis), of_axis(axis), {6, 5, 3}, DType::f64), 1e-12) << axis;
  }
}

/// What may not be hidden: a second reader, an output, a call as in training, a layer with two
/// normalizations.
Model with_readers() {
  Graph graph;
  Symbol x = graph.input({6, 6, 3});
  Symbol a = graph.apply(Conv2D{.filters = 3, .kernel_size = 3, .padding = Padding::same}, x);
  Symbol normalized = graph.apply(BatchNormalization{}, a);
  Symbol both = graph.apply(Add{}, {a, normalized});
  LayerPtr shared = Conv2D{.filters = 3, .kernel_size = 3, .padding = Padding::same};
  Symbol once = graph.apply(ReLU{}, graph.apply(BatchNormalization{}, graph.apply(shared, both)));
  Symbol twice = graph.apply(BatchNormalization{}, graph.apply(shared, once));
  Symbol shown = graph.apply(Conv2D{.filters = 3, .kernel_size = 1}, twice);
  Symbol last = graph.apply(BatchNormalization{}, shown);
  Symbol active = graph.apply(Conv2D{.filters = 3, .kernel_size = 1, .activation = Activation::relu}, last);
  graph.set_outputs({graph.apply(BatchNormalization{}, active), shown, last});
  return Model(graph);
}

TEST(Inference, LeavesAloneWhatHasOtherReaders) {
  EXPECT_LT(folding_error(with_readers(), with_readers(), {6, 6, 3}, DType::f64), 1e-12);
}

TEST(Inference, ACallAsInTrainingStaysOne) {
  auto make = [] {
    Graph graph;
    Symbol x = graph.apply(Conv2D{.filters = 3, .kernel_size = 3}, graph.input({6, 6, 3}));
    x = graph.apply(BatchNormalization{}, x, true);
    graph.set_outputs({graph.apply(Flatten{}, x)});
    return Model(graph);
  };
  Model model = make();
  Tensor x = random_tensor({4, 6, 6, 3}, 3);
  Tensor y = model.predict(x);
  std::vector<float> values = y.to_vector<float>();
  double sum = 0;
  for (float value : values) sum += value;
  EXPECT_NEAR(sum / static_cast<double>(values.size()), 0, 1e-5) << "with the batch's own statistics";
}

TEST(Inference, DropsWhatOnlyTrainingNeeds) {
  Sequential model({8});
  model.add(Dropout{.rate = 0.5});
  model.add(GaussianNoise{.stddev = 3});
  model.add(ActivityRegularization{.l1 = 1});
  model.add(AlphaDropout{.rate = 0.2});
  model.build();
  Tensor x = random_tensor({3, 8}, 5);
  EXPECT_TRUE(equal_bits(model.predict(x), x));
  EXPECT_EQ(model.graph().for_inference().layers().size(), 1U) << "only the input is left";
}

Sequential normalized_classifier(double momentum = 0.8) {
  Sequential model({9, 10, 2});
  model.add(Conv2D{.filters = 4, .kernel_size = 3});
  model.add(BatchNormalization{.momentum = momentum});
  model.add(ReLU{});
  model.add(Flatten{});
  model.add(Dense{.units = 6, .name = "hidden"});
  model.add(BatchNormalization{.momentum = momentum});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  return model;
}

/// A way to change what a model predicts.
struct Change {
  std::string name;
  std::function<void(Model& model, Tensor x, Tensor labels)> act;
};

const Change changes[] = {
    {"TrainOnBatch", [](Model& model, Tensor x, Tensor labels) { model.train_on_batch(x, labels); }},
    {"Fit",
     [](Model& model, Tensor x, Tensor labels) { model.fit(x, labels, {.epochs = 2, .batch_size = 4}); }},
    {"OwnLoop",
     [](Model& model, Tensor x, Tensor labels) {
       Tape tape;
       Tensor y = model.forward(x, {.training = true, .state = &model.state()});
       Tensor loss = mean(square(subtract(y, cast(labels, DType::f32).view(y.shape()))));
       model.optimizer().minimize(tape, loss, model.state(), x.shape()[0]);
     }},
    {"MovingStatistics",
     [](Model& model, Tensor x, Tensor /*labels*/) {
       model.forward(x, {.training = true, .state = &model.state()});  // moves them, trains nothing
     }},
    {"CopyInto",
     [](Model& model, Tensor /*x*/, Tensor /*labels*/) {
       model.parameters().values().copy_from(scale(model.parameters().values().clone(), 0.5));
     }},
    {"OneParameter",
     [](Model& model, Tensor /*x*/, Tensor /*labels*/) {
       const Tensor& value = model.parameters().at("hidden/kernel").value;
       value.copy_from(scale(value, 2));
     }},
    {"FillStatistics",
     [](Model& model, Tensor /*x*/, Tensor /*labels*/) { model.parameters().statistics().fill_zero(); }},
    {"Elements",
     [](Model& model, Tensor /*x*/, Tensor /*labels*/) {
       Tensor host = model.parameters().at("conv2d/kernel").value.to(Device::cpu()).clone();
       host.mutable_data<float>()[3] += 1;
       model.parameters().at("conv2d/kernel").value.copy_from(host);
     }},
    {"LoadWeights",
     [](Model& model, Tensor x, Tensor labels) {
       std::string path = testing::TempDir() + "inference_weights.h5";
       Model other = normalized_classifier();
       other.compile(Adam{}, Loss::binary_crossentropy, {}, {.seed = 77});
       other.train_on_batch(x.to(Device::cpu()), labels.to(Device::cpu()));
       other.save(path);
       load_weights(model, path);
       std::filesystem::remove(path);
     }},
    {"FrozenThenTrained",
     [](Model& model, Tensor x, Tensor labels) {
       for (const LayerPtr& layer : model.graph().layers()) layer->set_trainable(layer->name() == "dense");
       for (int i = 0; i < 3; ++i) model.train_on_batch(x, labels);
       for (const LayerPtr& layer : model.graph().layers()) layer->set_trainable(true);
       for (int i = 0; i < 3; ++i) model.train_on_batch(x, labels);
     }},
    {"MovingAverageOfWeights",
     [](Model& model, Tensor x, Tensor labels) {
       model.compile(Adam({.learning_rate = 0.05}, {.use_ema = true, .ema_momentum = 0.5}),
                     Loss::binary_crossentropy);
       model.fit(x, labels, {.epochs = 3, .batch_size = 4});  // ends with the averages in place
     }},
    {"AnotherModelOfTheSameLayers",
     [](Model& model, Tensor x, Tensor labels) {
       Model part(model.inputs(), model.outputs());
       part.compile(Adam{}, Loss::binary_crossentropy, {}, {.device = model.device()});
       part.train_on_batch(x, labels);
     }},
    {"MovedToOtherBuffers",
     [](Model& model, Tensor x, Tensor labels) {
       Graph graph;
       Symbol y = graph.apply(model, graph.input({9, 10, 2}));
       graph.set_outputs({graph.apply(Dense{.units = 1, .activation = Activation::sigmoid}, y)});
       Model larger(graph);
       larger.compile(Adam{}, Loss::binary_crossentropy, {}, {.device = model.device()});
       for (int i = 0; i < 3; ++i) larger.train_on_batch(x, labels);
     }},
};

class WeightsThatChange : public testing::TestWithParam<Change> {};

/// predict() of a model that has predicted before gives what one with the same parameters gives that never
/// has, with the normalizations as they are.
TEST_P(WeightsThatChange, AreFoldedAnew) {
  for (Device device : test_devices()) {
    Model model = normalized_classifier();
    model.compile(Adam{{.learning_rate = 0.05}}, Loss::binary_crossentropy, {},
                  {.device = device, .seed = 3});
    disturb(model);
    Tensor x = random_tensor({8, 9, 10, 2}, 5).to(device), labels = Tensor::zeros({8}, DType::i32, device);
    for (int round = 0; round < 3; ++round) {  // a GPU replays the second and third prediction and change
      for (int i = 0; i < 2; ++i) model.predict(x);  // the CPU keeps packed weights from the second one on
      Tensor before = model.predict(x).clone();
      GetParam().act(model, x, labels);
      Tensor after = model.predict(x);
      Model fresh = normalized_classifier();
      fresh.build({.device = device, .fusion = unfolded});
      copy_parameters(model, fresh);
      EXPECT_LT(normalised_error(after, fresh.predict(x)), 1e-5) << "round " << round;
      if (round == 0) {
        EXPECT_GT(normalised_error(after, before), 1e-4) << "nothing was changed";
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Inference, WeightsThatChange, testing::ValuesIn(changes),
                         [](const auto& info) { return info.param.name; });

/// Convolutions of each way that the CPU has: Winograd's with a small and a large kernel, strided, in groups,
/// of one pixel, fused with pooling.
Model convolutions_of_all_ways() {
  Graph graph;
  auto of_three = [](int64_t filters, Size2D strides, int64_t groups) {
    return Conv2D{
        .filters = filters, .kernel_size = 3, .strides = strides, .padding = Padding::same, .groups = groups};
  };
  Symbol x = graph.apply(of_three(32, 1, 1), graph.input({16, 12, 3}));
  x = graph.apply(of_three(96, 1, 1), graph.apply(MaxPooling2D{}, graph.apply(ReLU{}, x)));
  x = graph.apply(of_three(96, 1, 1), x);
  x = graph.apply(of_three(42, 2, 6), x);
  graph.set_outputs({graph.apply(Conv2D{.filters = 37, .kernel_size = 1}, x)});
  return Model(graph);
}

TEST(Inference, KeepsPackedWeightsForTheNextPrediction) {
  Model model = convolutions_of_all_ways();
  model.build({.seed = 5, .gradients = false});
  Tensor x = random_tensor({4, 16, 12, 3}, 5);
  auto bytes = [] { return memory_use(Device::cpu()).current; };
  Tensor first = model.predict(x);
  size_t before = bytes();
  EXPECT_TRUE(equal_bits(model.predict(x), first)) << "the weights as they were packed now";
  size_t with_packed = bytes();
  EXPECT_GT(with_packed, before + size_t{16} * 96 * 96 * sizeof(float)) << "the matrices of the large kernel";
  EXPECT_TRUE(equal_bits(model.predict(x), first)) << "the weights that were packed before";
  EXPECT_EQ(bytes(), with_packed);
  Tensor fewer = model.predict(x.range(0, {3, 16, 12, 3}));
  EXPECT_TRUE(equal_bits(fewer, first.range(0, fewer.shape()))) << "another length of batch";
  model.parameters().values().copy_from(scale(model.parameters().values().clone(), 0.5));
  Model fresh = convolutions_of_all_ways();
  fresh.build({.gradients = false});
  copy_parameters(model, fresh);
  Tensor expected = fresh.predict(x);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(equal_bits(model.predict(x), expected)) << i;
}

/// On a GPU the steps of a fit are replayed, which nobody on the host sees.
TEST(Inference, SeesWhatCapturedStepsTrain) {
  for (Device device : test_devices()) {
    Model model = normalized_classifier();
    model.compile(Adam{}, Loss::binary_crossentropy, {}, {.device = device, .seed = 3});
    Tensor x = random_tensor({8, 9, 10, 2}, 5).to(device), labels = Tensor::zeros({8}, DType::i32, device);
    TrainStep step([&] { model.train_on_batch(x, labels); }, device);
    for (int i = 0; i < 5; ++i) {
      step.run();
      Model fresh = normalized_classifier();
      fresh.build({.device = device, .fusion = unfolded});
      copy_parameters(model, fresh);
      EXPECT_LT(normalised_error(model.predict(x), fresh.predict(x)), 1e-5) << i;
    }
  }
}

TEST(Inference, FoldsOnceForEachStateOfTheWeights) {
  for (Device device : test_devices()) {
    Model model = normalized_classifier();
    model.compile(Adam{}, Loss::binary_crossentropy, {"accuracy"}, {.device = device});
    Tensor x = random_tensor({8, 9, 10, 2}, 5).to(device), labels = Tensor::zeros({8}, DType::i32, device);
    for (int i = 0; i < 5; ++i) model.predict(x, 3);
    EXPECT_EQ(model.inference().times_prepared(), 1);
    model.parameters().values().to_vector<float>();
    model.summary();
    model.forward(x);
    for (int i = 0; i < 3; ++i) model.predict(x);
    EXPECT_EQ(model.inference().times_prepared(), 1) << "reading weights is no change";
    model.train_on_batch(x, labels);
    for (int i = 0; i < 3; ++i) model.predict(x);
    EXPECT_EQ(model.inference().times_prepared(), 2);
  }
}

/// evaluate() goes the same way.
TEST(Inference, EvaluatesAsTheUnfoldedOne) {
  for (Device device : test_devices()) {
    auto trained = [&](const Fusion& fusion) {
      Model model = normalized_classifier();
      model.compile(Adam{}, Loss::binary_crossentropy, {"accuracy"},
                    {.device = device, .seed = 3, .fusion = fusion});
      InMemoryDataset data = corner_pictures(60, 4, device);
      std::vector<double> numbers;
      for (int i = 0; i < 4; ++i) {
        History history = model.fit(data, {.epochs = 1, .batch_size = 25, .validation = &data});
        numbers.push_back(history["val_loss"].back());
        for (const auto& [name, value] : model.evaluate(data, 25)) numbers.push_back(value);
      }
      return numbers;
    };
    std::vector<double> folded = trained({}), as_it_is = trained(unfolded);
    ASSERT_EQ(folded.size(), as_it_is.size());
    for (size_t i = 0; i < folded.size(); ++i) EXPECT_NEAR(folded[i], as_it_is[i], 1e-5) << i;
  }
}

TEST(Inference, GivesTheSameBitsWithAnyNumberOfThreads) {
  Tensor x = random_tensor({5, 12, 10, 4}, 8);
  auto predicted = [&](int threads) {
    cpu::set_threads(threads);
    Model model = every_kind();
    model.build({.seed = 3});
    disturb(model);
    Tensor y = model.predict(x);
    cpu::set_threads(0);
    return y;
  };
  EXPECT_TRUE(equal_bits(predicted(1), predicted(3)));
}

/// Mixed precision: weights are folded in f32 and rounded once.
TEST(Inference, FoldsInMixedPrecision) {
  for (Device device : test_devices()) {
    Model model = every_kind(), wide = every_kind();
    model.build({.device = device, .seed = 3, .dtype_policy = DTypePolicy::mixed_bfloat16});
    wide.build({.device = device, .seed = 3});
    for (Model* each : {&model, &wide}) disturb(*each);
    Tensor x = random_tensor({5, 12, 10, 4}, 8);
    Tensor first = model.predict(x).clone();
    EXPECT_LT(normalised_error(first, wide.predict(x)), 0.05);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(equal_bits(model.predict(x), first));
    for (Model* each : {&model, &wide})
      each->parameters().values().copy_from(scale(each->parameters().values().clone(), 0.8));
    EXPECT_LT(normalised_error(model.predict(x), wide.predict(x)), 0.05) << "casts are made anew too";
  }
}

/// A replayed prediction keeps few lengths of batches, and gives what the eager one gives.
TEST(Inference, PredictsBatchesOfManyLengths) {
  for (Device device : test_devices()) {
    Model model = normalized_classifier(), eager = normalized_classifier();
    for (Model* each : {&model, &eager}) {
      each->build({.device = device, .seed = 3});
      disturb(*each);
    }
    eager.inference().set_eager(true);
    Tensor x = random_tensor({20, 9, 10, 2}, 5);
    for (int round = 0; round < 3; ++round)
      for (int64_t length : {1, 2, 3, 5, 7, 11, 20})
        EXPECT_TRUE(equal_bits(model.predict(x, length), eager.predict(x, length))) << length;
  }
}

/// Folding saves the passes that would need a second tensor: while ResNet-50 predicts, its values take less.
TEST(Inference, TakesLessMemory) {
  auto peak_of = [](const Fusion& fusion) {
    Model model = build_network("resnet50", {.input_shape = {64, 64, 3}, .classes = 10});
    model.build({.gradients = false, .fusion = fusion});
    Tensor x = Tensor::zeros({8, 64, 64, 3});
    model.predict(x);
    size_t before = memory_use(Device::cpu()).current;
    reset_peak_memory(Device::cpu());
    model.predict(x);
    return memory_use(Device::cpu()).peak - before;
  };
  size_t folded = peak_of({}), as_it_is = peak_of(unfolded);
  RecordProperty("folded", static_cast<int>(folded >> 10));
  RecordProperty("unfolded", static_cast<int>(as_it_is >> 10));
  EXPECT_LT(folded, as_it_is);
}

}  // namespace
}  // namespace manul
