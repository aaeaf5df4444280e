#include "manul/framework/tape.h"

#include <gtest/gtest.h>

#include "manul/framework/error.h"

namespace manul {
namespace {

/// y = factor * x, as an op of a user's own.
Tensor times(const Tensor& x, float factor) {
  Tensor y = Tensor::empty_like(x);
  for (int64_t i = 0; i < x.elements(); ++i) y.mutable_data<float>()[i] = factor * x.data<float>()[i];
  if (Tape* tape = Tape::recording({&x}))
    tape->record("times", y, {x}, [factor](const Tensor& dy, Gradients& gradients) {
      Tensor dx = gradients.target(0);
      for (int64_t i = 0; i < dy.elements(); ++i) dx.mutable_data<float>()[i] = factor * dy.data<float>()[i];
    });
  return y;
}

Tensor both(const Tensor& a, const Tensor& b) {
  Tensor y = a.clone();
  for (int64_t i = 0; i < y.elements(); ++i) y.mutable_data<float>()[i] += b.data<float>()[i];
  if (Tape* tape = Tape::recording({&a, &b}))
    tape->record("both", y, {a, b}, [](const Tensor& dy, Gradients& gradients) {
      if (gradients.needed(0)) gradients.give(0, dy);
      if (gradients.needed(1)) gradients.give(1, dy);
    });
  return y;
}

class TapeTest : public ::testing::Test {
 protected:
  Tensor x = Tensor::full({1}, 2);
  Tensor gradient = Tensor::zeros({1});
  void SetUp() override { x.watch(gradient); }
};

TEST_F(TapeTest, FollowsAChain) {
  Tape tape;
  tape.backward(times(times(x, 3), 5));
  EXPECT_EQ(gradient.item<float>(), 15);
}

TEST_F(TapeTest, AddsWhereATensorIsUsedTwice) {
  Tape tape;
  Tensor a = times(x, 3);
  Tensor sum = both(a, times(a, 2));
  tape.backward(both(sum, both(x, x)));
  EXPECT_EQ(gradient.item<float>(), 3 + 6 + 2);
}

/// factor * x, whose gradient has the gradients of later uses of x in it.
Tensor times_and_take(const Tensor& x, float factor) {
  Tensor y = Tensor::full(x.shape(), factor * x.item<float>());
  if (Tape* tape = Tape::recording({&x}))
    tape->record("times_and_take", y, {x}, [factor](const Tensor& dy, Gradients& gradients) {
      Tensor taken = gradients.take(0);
      Tensor dx = gradients.target(0);
      *dx.mutable_data<float>() = factor * dy.item<float>() + (taken.defined() ? taken.item<float>() : 0);
    });
  return y;
}

TEST_F(TapeTest, AnOpAddsTheGradientsOfLaterUsesItself) {
  Tape tape;
  Tensor a = times(x, 3);
  Tensor first = times_and_take(a, 2), second = times_and_take(a, 5);
  Tensor shared = both(a, both(first, second));  // gives a gradient that it does not own
  tape.backward(both(shared, times(shared, 4)));
  EXPECT_EQ(gradient.item<float>(), 3 * (1 + 2 + 5) * (1 + 4));
  Tape another;
  another.backward(both(times_and_take(x, 2), x));  // a leaf's are not to be had
  EXPECT_EQ(gradient.item<float>(), 3);
}

/// factor * x, whose gradient takes the place of the output's where it can; `took` says whether.
Tensor times_in_place(const Tensor& x, float factor, bool& took) {
  Tensor y = Tensor::full(x.shape(), factor * x.item<float>());
  if (Tape* tape = Tape::recording({&x}))
    tape->record("times_in_place", y, {x}, [factor, &took](const Tensor& dy, Gradients& gradients) {
      Tensor dx = gradients.target_in_place(0, dy);
      took = dx.raw_data() == dy.raw_data();
      dx.mutable_data<float>()[0] = factor * dy.data<float>()[0];
    });
  return y;
}

TEST_F(TapeTest, AGradientTakesThePlaceOfOneThatNobodyElseHas) {
  bool took = false;
  {
    Tape tape;
    tape.backward(times(times_in_place(times(x, 3), 5, took), 7));
    EXPECT_EQ(gradient.item<float>(), 3 * 5 * 7);
    EXPECT_TRUE(took);
  }
  {
    Tape tape;  // what a leaf's gradient is written to stays where it is
    tape.backward(times(times_in_place(x, 5, took), 7));
    EXPECT_EQ(gradient.item<float>(), 5 * 7);
    EXPECT_FALSE(took);
  }
  {
    Tape tape;  // shared with the other input
    Tensor a = times(x, 3);
    tape.backward(times(both(times_in_place(a, 5, took), a), 7));
    EXPECT_EQ(gradient.item<float>(), (3 * 5 + 3) * 7);
    EXPECT_FALSE(took);
  }
  Tape tape;  // the caller's
  Tensor arrived = Tensor::full({1}, 7);
  tape.backward(times_in_place(times(x, 3), 5, took), arrived);
  EXPECT_EQ(gradient.item<float>(), 3 * 5 * 7);
  EXPECT_EQ(arrived.item<float>(), 7);
  EXPECT_FALSE(took);
}

TEST_F(TapeTest, ASecondBackwardOverwritesAndAddsOnlyIfAsked) {
  for (float factor : {3.0f, 4.0f}) {
    Tape tape;
    tape.backward(times(x, factor));
    EXPECT_EQ(gradient.item<float>(), factor);
  }
  for (float sum : {9.0f, 14.0f}) {
    Tape tape;
    tape.accumulate(times(x, 5));
    EXPECT_EQ(gradient.item<float>(), sum);
  }
  x.leaf()->fresh = false;  // an optimizer has used it
  Tape tape;
  tape.accumulate(times(x, 3));
  EXPECT_EQ(gradient.item<float>(), 3);
}

TEST_F(TapeTest, WritesTheGradientsThatAreAskedForAlone) {
  Tensor y = Tensor::full({1}, 3), gradient_of_y = Tensor::full({1}, 7);
  Tensor z = Tensor::full({1}, 3), gradient_of_z = Tensor::full({1}, 7);
  y.watch(gradient_of_y);
  z.watch(gradient_of_z);
  int calls = 0;
  auto counted = [&](const Tensor& input) {
    Tensor output = input.clone();
    Tape::recording({&input})->record("counted", output, {input},
                                      [&](const Tensor& dy, Gradients& gradients) {
                                        ++calls;
                                        gradients.give(0, dy);
                                      });
    return output;
  };
  Tape tape;
  tape.backward(both(times(x, 3), counted(y)), std::vector<Tensor>{x, z});
  EXPECT_EQ(gradient.item<float>(), 3);
  EXPECT_EQ(gradient_of_y.item<float>(), 7);
  EXPECT_EQ(gradient_of_z.item<float>(), 0) << "it does not flow into the loss";
  EXPECT_EQ(calls, 0);
  EXPECT_FALSE(y.leaf()->fresh);
  EXPECT_THROW(tape.backward(times(x, 3), std::vector<Tensor>{Tensor::full({1}, 1)}), Error);
}

TEST_F(TapeTest, AnInnerTapeBetweenTwoUsesChangesNothing) {
  Tape tape;
  Tensor first = times(x, 3);
  {
    Tape inner;
    inner.backward(times(x, 100));
    EXPECT_EQ(gradient.item<float>(), 100);
  }
  tape.backward(both(first, times(x, 5)));
  EXPECT_EQ(gradient.item<float>(), 8);
}

TEST_F(TapeTest, TakesTheGradientALossKnowsAlready) {
  auto loss_of = [](const Tensor& input) {
    Tensor value = Tensor::full({1}, 0);
    auto scaled = [](const Tensor& dy, Gradients& gradients) {
      gradients.give(0, Tensor::full({1}, 7 * dy.item<float>()));
    };
    Tape::recording({&input})->record("loss", value, {input}, scaled, Tensor::full({1}, 7));
    return value;
  };
  for (float factor : {1.0f, 2.0f}) {  // first the loss itself, then something computed from it
    Tape tape;
    Tensor loss = loss_of(times(x, 3));
    tape.backward(factor == 1 ? loss : times(loss, factor));
    EXPECT_EQ(gradient.item<float>(), 21 * factor);
    x.leaf()->fresh = false;
  }
}

TEST_F(TapeTest, KeepsNothingWithoutATapeOrAWatchedTensor) {
  EXPECT_EQ(Tape::recording({&x}), nullptr);
  Tape tape;
  Tensor stranger = Tensor::full({1}, 1);
  EXPECT_EQ(Tape::recording({&stranger}), nullptr);
  EXPECT_THROW(tape.backward(times(stranger, 2)), Error);
  Tensor recorded = times(x, 3);
  EXPECT_THROW(tape.backward(times(stranger, 2)), Error);
}

TEST_F(TapeTest, WalksADeepChainWithoutRecursion) {
  Tape tape;
  Tensor y = x;
  for (int i = 0; i < 200000; ++i) y = times(y, 1);
  tape.backward(y);
  EXPECT_EQ(gradient.item<float>(), 1);
}

}  // namespace
}  // namespace manul
