#include <gmock/gmock.h>

#include <functional>

#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"

// fit, evaluate and predict on arrays.
namespace manul {
namespace {

Sequential compiled_classifier() {
  Sequential model = small_classifier(0.2);
  model.compile(Adam{{.learning_rate = 0.01}}, Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 3});
  return model;
}

Tensor part(const Tensor& array, int64_t first, int64_t end) {
  Shape sample = array.shape().sample();
  return array.range(first * sample.elements(), sample.batch_of(end - first)).clone();
}

TEST(Arrays, FitIsThatOfADataSet) {
  ArrayDataset data = corner_pictures(70, 1);
  Sequential one = compiled_classifier(), two = compiled_classifier();
  History by_set = one.fit(data, {.epochs = 2});
  History by_arrays = two.fit(data.inputs()[0], data.labels()[0], {.epochs = 2});
  EXPECT_EQ(by_set.epochs(), by_arrays.epochs());
  EXPECT_TRUE(equal_bits(one.parameters().values(), two.parameters().values()));
  EXPECT_EQ(one.evaluate(data), one.evaluate(data.inputs()[0], data.labels()[0]));
  EXPECT_TRUE(equal_bits(one.predict(data), one.predict(data.inputs()[0], 13)));
}

TEST(Arrays, ValidationSplitTakesTheLastSamplesAsKeras) {
  ArrayDataset data = corner_pictures(71, 1);
  Tensor x = data.inputs()[0], y = data.labels()[0];
  Sequential split = compiled_classifier(), by_hand = compiled_classifier();
  History a = split.fit(x, y, {.epochs = 2, .validation_split = 0.3});
  // int(71 * 0.7) = 49
  History b = by_hand.fit(part(x, 0, 49), part(y, 0, 49),
                          {.epochs = 2, .validation_data = {part(x, 49, 71), part(y, 49, 71)}});
  EXPECT_EQ(a.epochs(), b.epochs());
  EXPECT_EQ(a.epochs()[0][2].first, "val_loss");
  EXPECT_THROW(split.fit(x, y, {.validation_split = 1.5}), Error);
  EXPECT_THROW(split.fit(data, {.validation_split = 0.5}), Error) << "a data set is split by its owner";
}

TEST(Arrays, SeveralInputs) {
  Graph graph;
  Symbol left = graph.input({3}), right = graph.input({2});
  Symbol sum =
      graph.apply(Add{}, {graph.apply(Dense{.units = 4}, left), graph.apply(Dense{.units = 4}, right)});
  graph.set_outputs({graph.apply(Dense{.units = 1, .activation = Activation::sigmoid}, sum)});
  Model model(std::move(graph));
  model.compile(Adam{{.learning_rate = 0.05}}, Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 1});
  Tensor x1 = random_tensor({80, 3}, 1), x2 = random_tensor({80, 2}, 2);
  std::vector<int32_t> labels(80);
  for (int64_t i = 0; i < 80; ++i) labels[i] = x1.data<float>()[i * 3] + x2.data<float>()[i * 2] > 0 ? 1 : 0;
  Tensor y = Tensor::from(labels, {80});
  History history = model.fit({x1, x2}, y, {.epochs = 30});
  EXPECT_GT(history["accuracy"].back(), 0.95);
  EXPECT_TRUE(equal_bits(model.predict({x1, x2}, 7), model.forward({x1, x2})));
  EXPECT_THROW(model.fit(x1, y), Error);
  EXPECT_THROW(model.fit({x1, part(x2, 0, 79)}, y), Error);
}

/// Looks at the training set itself in the middle of an epoch.
class Evaluate : public Callback {
 public:
  explicit Evaluate(Dataset& data) : data_(data) {}
  void on_step_end(FitProgress& fit) override { fit.model.evaluate(data_, 7); }

 private:
  Dataset& data_;
};

TEST(Arrays, EvaluatingTheTrainingSetInACallbackChangesNothing) {
  ArrayDataset data = corner_pictures(70, 1);
  Sequential one = compiled_classifier(), two = compiled_classifier();
  Evaluate evaluate(data);
  History plain = one.fit(data, {.epochs = 2}),
          watched = two.fit(data, {.epochs = 2, .callbacks = {&evaluate}});
  EXPECT_EQ(plain.epochs(), watched.epochs());
  EXPECT_TRUE(equal_bits(one.parameters().values(), two.parameters().values()));
}

/// Which samples a fit saw, in order.
class Watched : public ArrayDataset {
 public:
  using ArrayDataset::ArrayDataset;
  std::vector<std::vector<int32_t>> orders;

 protected:
  void set_order(const std::vector<int32_t>& order) override {
    orders.push_back(order);
    ArrayDataset::set_order(order);
  }
};

TEST(Arrays, ASecondFitGoesOnWithNewOrders) {
  ArrayDataset data = corner_pictures(40, 1);
  Watched watched(data.inputs()[0], data.labels()[0]);
  Sequential model = compiled_classifier(), at_once = compiled_classifier();
  watched.orders.clear();
  model.fit(watched, {.epochs = 2});
  model.fit(watched, {.epochs = 1});
  ASSERT_EQ(watched.orders.size(), 3U);
  EXPECT_NE(watched.orders[0], watched.orders[2]);
  EXPECT_NE(watched.orders[1], watched.orders[2]);
  at_once.fit(data, {.epochs = 3});
  EXPECT_TRUE(equal_bits(model.parameters().values(), at_once.parameters().values()));
}

std::string message_of(const std::function<void()>& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Arrays, CompileSaysThatAModelIsBuiltOtherwise) {
  Sequential model = small_classifier();
  model.predict(corner_pictures(3, 1).inputs()[0]);
  EXPECT_EQ(message_of([&] { model.compile(SGD{}, Loss::binary_crossentropy, {}, {.seed = 5}); }),
            "compile: the model was built from the seed 0 before, by build(), predict() or forward(): give "
            "build() the seed 5");
  EXPECT_EQ(
      message_of([&] { model.compile(SGD{}, Loss::binary_crossentropy, {}, {.device = Device::cuda(0)}); }),
      "compile: the model was built on cpu before, by build(), predict() or forward(): give build() the "
      "device "
      "cuda:0");
  model.compile(SGD{}, Loss::binary_crossentropy, {}, {.seed = 0});
  model.fit(corner_pictures(8, 1).inputs()[0], corner_pictures(8, 1).labels()[0]);
  model.compile(SGD{}, Loss::binary_crossentropy, {}, {.seed = 5});
  EXPECT_EQ(model.state().read().seed, 5U);
}

/// Does something with the model whose fit it is called in.
class Meddles : public Callback {
 public:
  explicit Meddles(std::function<void(Model& model)> how) : how_(std::move(how)) {}
  void on_step_end(FitProgress& fit) override { how_(fit.model); }

 private:
  std::function<void(Model& model)> how_;
};

TEST(Arrays, ACallbackCannotCompileOrFitTheModelThatIsTrained) {
  ArrayDataset data = corner_pictures(40, 1);
  Sequential model = compiled_classifier(), other = compiled_classifier();
  Meddles compiles([](Model& its) { its.compile(SGD{}, Loss::binary_crossentropy); });
  Meddles fits([&](Model& its) { its.fit(data); });
  Meddles fits_another([&](Model& /*its*/) { other.fit(data, {.verbose = Verbose::none}); });
  const std::string reason =
      ": the model is being trained by a fit() whose callback calls this; stop that fit first";
  EXPECT_EQ(message_of([&] { model.fit(data, {.callbacks = {&compiles}}); }), "compile" + reason);
  EXPECT_EQ(message_of([&] { model.fit(data, {.callbacks = {&fits}}); }), "fit" + reason);
  model.fit(data, {.callbacks = {&fits_another}, .verbose = Verbose::none});
  model.compile(SGD{}, Loss::binary_crossentropy);
}

TEST(Arrays, WhatCannotBeIsASentence) {
  Sequential model = compiled_classifier();
  ArrayDataset data = corner_pictures(8, 1);
  EXPECT_EQ(message_of([&] { model.fit(data, {.callbacks = {nullptr}}); }), "fit: a callback is null");
  EXPECT_EQ(message_of([&] { model.fit(data.inputs()[0], Tensor::from(std::vector<int32_t>(8, 7), {8})); }),
            "binary_crossentropy: label 7 is not between 0 and 1");
  for (DType dtype : {DType::u8, DType::i32, DType::f32}) {
    Tensor sevens = Tensor::full({8}, 7, dtype);
    EXPECT_EQ(message_of([&] { model.train_on_batch(data.inputs()[0], sevens); }),
              "binary_crossentropy: label 7 is not between 0 and 1")
        << name_of(dtype);
    EXPECT_EQ(message_of([&] { model.evaluate(data.inputs()[0], sevens); }),
              "binary_crossentropy: label 7 is not between 0 and 1")
        << name_of(dtype);
  }
  Sequential other = std::move(model);
  EXPECT_EQ(message_of([&] { model.parameters(); }), "model: it was moved from");
  EXPECT_EQ(message_of([&] { model.predict(data); }), "model: it was moved from");
  const Tensor &x = data.inputs()[0], &y = data.labels()[0];
  for (const std::function<void()>& use : std::initializer_list<std::function<void()>>{
           [&] { model.fit(data); }, [&] { model.fit(x, y); }, [&] { model.evaluate(data); },
           [&] { model.evaluate(x, y); }, [&] { model.forward(x); }, [&] { model.train_on_batch(x, y); },
           [&] { model.save("moved.h5"); }, [&] { model.optimizer(); }, [&] { model.loss(); },
           [&] { model.state(); }, [&] { model.leaves_out_activation(0); }, [&] { model.build(); }})
    EXPECT_EQ(message_of(use), "model: it was moved from");
  EXPECT_EQ(message_of([] { small_classifier().leaves_out_activation(0); }),
            "model: the model is not compiled");
  EXPECT_EQ(message_of([&] { other.leaves_out_activation(1); }),
            "model: it has 1 outputs, and none of number 1");
  EXPECT_EQ(message_of([&] { other.compile(std::unique_ptr<Optimizer>(), Loss::binary_crossentropy); }),
            "compile: there is no optimizer");
}

}  // namespace
}  // namespace manul
