#include <gtest/gtest.h>

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/framework/step.h"
#include "manul/framework/tape.h"
#include "manul/ops/conv/conv2d.h"
#include "manul/ops/dense/matmul.h"
#include "manul/ops/normalize/normalize.h"
#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/random/dropout.h"
#include "manul/ops/reduce/reduce.h"
#include "manul/testing/op_check.h"

namespace manul {
namespace {

Tensor watched(const Shape& shape, uint64_t key) {
  Tensor tensor = test_values(shape, key, DType::f32, {});
  tensor.watch(Tensor::zeros(shape));
  return tensor;
}

Tensor gradient_of(const Tensor& tensor) {
  return tensor.leaf()->gradient.clone();
}

/// A graph of random ops on [6, 5], cut into pieces that may be checkpoints, and what they are made of.
class RandomGraph {
 public:
  explicit RandomGraph(uint64_t seed) : random_(seed, RandomPurpose::sample, 0, 0) {
    for (uint64_t i = 0; i < 4; ++i) weights_.push_back(watched({5, 5}, 10 + i));
    input_ = watched({6, 5}, 3);
    state_.write({.iteration = 2, .seed = seed});
    for (int piece = 0; piece < 4; ++piece) {
      pieces_.emplace_back();
      for (int op = 0; op < 6; ++op) pieces_.back().push_back({draw(6), draw(4), draw(8), draw(8)});
    }
  }

  /// All gradients. `depth`: how deep checkpoints are nested; 0: none.
  std::vector<Tensor> gradients(int depth) {
    for (const Tensor& weight : weights_) weight.leaf()->fresh = false;
    input_.leaf()->fresh = false;
    moving_mean_.fill_zero();
    moving_variance_.fill_zero();
    Tape tape;
    std::vector<Tensor> values{input_, scale(input_, 0.5)};
    for (const Piece& piece : pieces_) values = run(piece, values, depth);
    Tensor loss = mean(square(add(values[0], values[1])));
    tape.backward(loss);
    std::vector<Tensor> all{gradient_of(input_), moving_mean_.clone(), moving_variance_.clone(), loss};
    for (const Tensor& weight : weights_) all.push_back(gradient_of(weight));
    return all;
  }

 private:
  struct Op {
    int what, weight, first, second;
  };
  using Piece = std::vector<Op>;

  int draw(int below) { return static_cast<int>(random_.uniform(0, below)); }

  /// Two values from two values.
  std::vector<Tensor> run(const Piece& piece, const std::vector<Tensor>& from, int depth) {
    auto work = [this, &piece, from, depth] {
      std::vector<Tensor> values = from;
      for (const Op& op : piece)
        values.push_back(depth > 1 ? inside(op, values, depth - 1) : apply(op, values));
      return std::vector<Tensor>(values.end() - 2, values.end());
    };
    return depth > 0 ? checkpoint(work) : work();
  }
  Tensor inside(const Op& op, const std::vector<Tensor>& values, int depth) {
    auto work = [this, op, values, depth] {
      return std::vector{depth > 1 ? inside(op, values, depth - 1) : apply(op, values)};
    };
    return checkpoint(work)[0];
  }
  Tensor apply(const Op& op, const std::vector<Tensor>& values) {
    const Tensor& a = values[static_cast<size_t>(op.first) % values.size()];
    const Tensor& b = values[static_cast<size_t>(op.second) % values.size()];
    const Tensor& weight = weights_[static_cast<size_t>(op.weight)];
    switch (op.what) {
      case 0:
        return matmul(a, weight);
      case 1:
        return tanh(add(a, b));
      case 2:
        return dropout(a, 0.4, state_, static_cast<uint64_t>(op.weight));
      case 3:
        return multiply(a, sigmoid(b));
      case 4:
        return batch_normalize_training(a, {}, {}, moving_mean_, moving_variance_, 1e-3, 0.9);
      default:
        return relu(subtract(matmul(a, weight), b));
    }
  }

  RandomStream random_;
  std::vector<Tensor> weights_;
  Tensor input_;
  Tensor moving_mean_ = Tensor::zeros({5}), moving_variance_ = Tensor::zeros({5});
  DeviceStepState state_;
  std::vector<Piece> pieces_;
};

TEST(Checkpoint, GivesTheSameBitsOnRandomGraphs) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    RandomGraph graph(seed);
    std::vector<Tensor> plain = graph.gradients(0);
    for (int depth : {1, 2, 3}) {
      std::vector<Tensor> again = graph.gradients(depth);
      for (size_t i = 0; i < plain.size(); ++i)
        EXPECT_TRUE(equal_bits(plain[i], again[i]))
            << "seed " << seed << " depth " << depth << " value " << i;
    }
  }
}

TEST(Checkpoint, WithoutATapeIsItsFunction) {
  int calls = 0;
  Tensor y = checkpoint([&] {
    ++calls;
    return std::vector{Tensor::full({2}, 3)};
  })[0];
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{3, 3}));
  EXPECT_EQ(calls, 1);
}

TEST(Checkpoint, RunsAgainOnceAndOnlyIfItsGradientIsWanted) {
  Tensor x = watched({3}, 1);
  int calls = 0;
  auto twice = [&] {
    return checkpoint([&calls, x] {
      ++calls;
      EXPECT_EQ(Tape::computes_again(), calls == 2);
      return std::vector{scale(x, 2), square(x)};
    });
  };
  {
    Tape tape;
    tape.backward(sum(twice()[1]));
    EXPECT_EQ(calls, 2);
    EXPECT_LT(normalised_error(gradient_of(x), scale(x, 2)), 1e-6);
  }
  calls = 0;
  {
    Tape tape;
    twice();
    tape.backward(sum(square(x)));
    EXPECT_EQ(calls, 1);
  }
}

TEST(Checkpoint, MayReturnWhatItWasGivenAndWhatHasNoGradient) {
  Tensor x = watched({3}, 1), constant = Tensor::full({3}, 4);
  Tape tape;
  std::vector<Tensor> y = checkpoint([&] { return std::vector{x, constant, scale(x, 3), Tensor()}; });
  EXPECT_FALSE(y[3].defined());
  tape.backward(sum(add(multiply(y[0], y[1]), y[2])));
  EXPECT_EQ(gradient_of(x).to_vector<float>(), (std::vector<float>{7, 7, 7}));
}

TEST(Checkpoint, SaysSoWhereAValueOfItsInsideIsUsedOutside) {
  Tensor x = watched({3}, 1);
  Tape tape;
  Tensor inner;
  Tensor y = checkpoint([&, x] {
    inner = scale(x, 2);
    return std::vector{square(inner)};
  })[0];
  try {
    add(y, inner);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("computed inside a checkpoint is used outside"),
              std::string::npos)
        << error.what();
  }
}

TEST(Checkpoint, AFunctionThatThrowsLeavesTheTapeAsItWas) {
  Tensor x = watched({3}, 1);
  Tape tape;
  Tensor y = scale(x, 2);
  EXPECT_THROW(checkpoint([&]() -> std::vector<Tensor> {
                 square(y);
                 fail(ErrorKind::failed, "no");
               }),
               Error);
  tape.backward(sum(square(y)));
  EXPECT_LT(normalised_error(gradient_of(x), scale(x, 8)), 1e-6);
}

/// Of chosen gradients those alone are written, wherever they are used.
TEST(Checkpoint, HeedsWhichGradientsAreAskedFor) {
  Tensor a = watched({4, 4}, 1), b = watched({4, 4}, 2), x = test_values({3, 4}, 3, DType::f32, {});
  auto loss = [&](bool checkpointed) {
    auto inside = [=] { return std::vector{relu(matmul(relu(matmul(x, a)), b))}; };
    return mean(matmul(checkpointed ? checkpoint(inside)[0] : inside()[0], a));
  };
  for (const Tensor& wanted : {a, b}) {
    Tensor plain;
    for (bool checkpointed : {false, true}) {
      for (const Tensor& leaf : {a, b}) {
        leaf.leaf()->gradient.fill_zero();
        leaf.leaf()->fresh = false;
      }
      Tape tape;
      tape.backward(loss(checkpointed), std::vector{wanted});
      const Tensor& other = wanted.raw_data() == a.raw_data() ? b : a;
      EXPECT_TRUE(equal_bits(gradient_of(other), Tensor::zeros({4, 4})));
      if (!checkpointed)
        plain = gradient_of(wanted);
      else
        EXPECT_TRUE(equal_bits(plain, gradient_of(wanted)));
    }
  }
}

TEST(Checkpoint, AddsGradientsIfAsked) {
  Tensor x = watched({3}, 1);
  for (int i = 1; i <= 2; ++i) {
    Tape tape;
    tape.accumulate(sum(checkpoint([&] { return std::vector{scale(x, 3)}; })[0]));
    EXPECT_EQ(gradient_of(x).to_vector<float>(), std::vector<float>(3, 3.0F * static_cast<float>(i)));
  }
}

/// Sixteen layers of a megabyte each: all are kept without, one block of four and three borders with.
TEST(Checkpoint, KeepsWhatCrossesItsBordersAlone) {
  constexpr int64_t rows = 2048, columns = 128;
  std::vector<Tensor> weights;
  for (uint64_t i = 0; i < 16; ++i) weights.push_back(watched({columns, columns}, i));
  Tensor x = test_values({rows, columns}, 99, DType::f32, {});
  auto peak = [&](bool checkpointed) {
    size_t before = memory_use(Device::cpu()).current;
    reset_peak_memory(Device::cpu());
    Tape tape;
    Tensor y = x;
    for (size_t block = 0; block < 4; ++block) {
      auto layers = [&weights, block, y] {
        Tensor z = y;
        for (size_t i = 0; i < 4; ++i) z = tanh(matmul(z, weights[4 * block + i]));
        return std::vector{z};
      };
      y = checkpointed ? checkpoint(layers)[0] : layers()[0];
    }
    tape.backward(mean(y));
    EXPECT_LT(memory_use(Device::cpu()).current - before, size_t{4} << 20) << "nothing is kept behind";
    return memory_use(Device::cpu()).peak - before;
  };
  constexpr size_t layer = rows * columns * sizeof(float);
  size_t plain = peak(false), again = peak(true);
  EXPECT_GT(plain, 16 * layer);
  EXPECT_LT(plain, 21 * layer) << "of a product and a tanh one tensor is kept";
  EXPECT_LT(again, 11 * layer);
}

/// Values go as the gradients come: the second half of a backward pass needs no more than the first.
TEST(Tape, FreesValuesAsItGoesBack) {
  constexpr int64_t rows = 2048, columns = 128;
  std::vector<Tensor> weights;
  for (uint64_t i = 0; i < 16; ++i) weights.push_back(watched({columns, columns}, i));
  Tensor x = test_values({rows, columns}, 99, DType::f32, {});
  constexpr size_t layer = rows * columns * sizeof(float);
  std::vector<size_t> in_use;
  size_t before = memory_use(Device::cpu()).current;
  Tape tape;
  Tensor y = x;
  for (const Tensor& weight : weights) {
    Tensor z = tanh(matmul(y, weight));
    Tensor noted = z.clone();
    if (Tape* recorder = Tape::recording({&z}))
      recorder->record("note", noted, {z}, [&in_use, before](const Tensor& dy, Gradients& gradients) {
        in_use.push_back(memory_use(Device::cpu()).current - before);
        gradients.give(0, dy);
      });
    y = noted;
  }
  Tensor loss = mean(y);
  y = Tensor();
  tape.backward(loss);
  ASSERT_EQ(in_use.size(), 16U);
  for (size_t i = 1; i < in_use.size(); ++i) EXPECT_LE(in_use[i] + layer, in_use[i - 1] + layer / 8) << i;
}

}  // namespace
}  // namespace manul
