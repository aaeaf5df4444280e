#include <gtest/gtest.h>

#include "manul/testing/op_check.h"
#include "manul/tests/models/support.h"

namespace manul {
namespace {

/// Two dense layers on a few samples of two classes.
struct SmallModel {
  Sequential model{Shape{6}};
  Tensor x = random_tensor({16, 6}, 2), labels = Tensor::empty({16}, DType::i32);

  SmallModel() {
    model.add(Dense{.units = 5, .activation = Activation::tanh, .name = "body"});
    model.add(Dense{.units = 1, .activation = Activation::sigmoid, .name = "head"});
    for (int i = 0; i < 16; ++i) labels.mutable_data<int32_t>()[i] = i % 2;
    model.compile(Adam{{.learning_rate = 0.05}}, Loss::binary_crossentropy, {}, {.seed = 3});
  }
  Tensor copy_of(const char* path) { return model.parameters().at(path).value.clone(); }
  void set_trainable(bool trainable) { model.graph().layers()[1]->set_trainable(trainable); }
};

TEST(Trainable, ChangesAfterCompilingWithTheNextStep) {
  SmallModel small;
  small.model.train_on_batch(small.x, small.labels);
  Tensor body = small.copy_of("body/kernel"), bias = small.copy_of("body/bias"),
         head = small.copy_of("head/kernel");
  small.set_trainable(false);
  for (int i = 0; i < 3; ++i) small.model.train_on_batch(small.x, small.labels);
  EXPECT_TRUE(equal_bits(body, small.copy_of("body/kernel"))) << "no momentum moves it either";
  EXPECT_TRUE(equal_bits(bias, small.copy_of("body/bias")));
  EXPECT_FALSE(equal_bits(head, small.copy_of("head/kernel")));
  small.set_trainable(true);
  small.model.train_on_batch(small.x, small.labels);
  EXPECT_FALSE(equal_bits(body, small.copy_of("body/kernel")));
}

/// Freezes a layer after the third step, and keeps what it was then.
class Freezes : public Callback {
 public:
  Tensor body, head;
  void on_step_end(FitProgress& fit) override {
    if (++steps_ != 3) return;
    fit.model.layer("body")->set_trainable(false);
    body = fit.model.parameters().at("body/kernel").value.clone();
    head = fit.model.parameters().at("head/kernel").value.clone();
  }

 private:
  int steps_ = 0;
};

TEST(Trainable, ChangesInTheMiddleOfAFit) {
  SmallModel small;
  Freezes freezes;
  small.model.fit(small.x, small.labels,
                  {.epochs = 3, .batch_size = 8, .callbacks = {&freezes}, .verbose = Verbose::none});
  EXPECT_EQ(small.model.state().read().iteration, 6);
  EXPECT_TRUE(equal_bits(freezes.body, small.copy_of("body/kernel")));
  EXPECT_FALSE(equal_bits(freezes.head, small.copy_of("head/kernel")));
}

/// What does not train is as if it had been frozen from the beginning.
TEST(Trainable, FrozenAfterCompilingEqualsFrozenBefore) {
  SmallModel late;
  late.set_trainable(false);
  SmallModel early;
  early.set_trainable(false);
  early.model.compile(Adam{{.learning_rate = 0.05}}, Loss::binary_crossentropy);
  for (int i = 0; i < 3; ++i)
    for (SmallModel* small : {&late, &early}) small->model.train_on_batch(small->x, small->labels);
  EXPECT_TRUE(equal_bits(late.model.parameters().values(), early.model.parameters().values()));
}

}  // namespace
}  // namespace manul
