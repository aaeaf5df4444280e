#include "manul/ops/fused/dense_loss.h"

#include <cmath>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/tape.h"
#include "manul/ops/dense/matmul.h"
#include "manul/ops/pointwise/softmax.h"
#include "manul/testing/op_check.h"
#include "manul/tests/keras_reference.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

INSTANTIATE_TEST_SUITE_P(Loss, OpTest, testing::ValuesIn(loss_samples()), name_of_sample);

Tensor labels(const std::vector<int32_t>& values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())});
}

const ErrorSample loss_errors[] = {
    {"binary_shape",
     [] {
       loss_from_logits(Loss::binary_crossentropy, Tensor::zeros({3, 2}), labels({0, 1, 1}));
     },
     "binary_crossentropy: labels [3] do not fit output [3, 2]"},
    {"sparse_rows",
     [] {
       loss_from_logits(Loss::sparse_categorical_crossentropy, Tensor::zeros({3, 2}), labels({0, 1}));
     },
     "sparse_categorical_crossentropy: labels [2] do not fit output [3, 2] (want [3, 1])"},
    {"sparse_floats",
     [] {
       loss_from_logits(Loss::sparse_categorical_crossentropy, Tensor::zeros({2, 2}), Tensor::zeros({2}));
     },
     "labels are f32, want i32"},
    {"categorical_integers",
     [] {
       loss_from_logits(Loss::categorical_crossentropy, Tensor::zeros({1, 2}), labels({0, 1}).view({1, 2}));
     },
     "labels are i32, want f32"},
    {"rank", [] { loss_from_logits(Loss::categorical_crossentropy, Tensor::zeros({4}), Tensor::zeros({4})); },
     "categorical_crossentropy: output [4] is not [batch, classes]"},
    {"unknown_class",
     [] {
       loss_from_logits(Loss::sparse_categorical_crossentropy, Tensor::zeros({2, 3}), labels({0, 3}));
     },
     "label 3 is not one of 0 to 2"},
    {"nothing",
     [] {
       loss_from_logits(Loss::binary_crossentropy, Tensor::zeros({0, 1}), Tensor::zeros({0, 1}));
     },
     "output [0, 1] has no elements"},
};
INSTANTIATE_TEST_SUITE_P(Loss, OpErrorTest, testing::ValuesIn(loss_errors), name_of_sample);

struct LossCase {
  const char* name;
  Loss loss;
  Activation activation;
};
class KerasLoss : public testing::TestWithParam<LossCase> {
 protected:
  std::string group = std::string("losses/") + GetParam().name;

  /// The labels as the loss wants them: classes stay integers.
  Tensor labels() const { return keras_reference().tensor(group + "/y_true"); }
  double mean_of(const char* values) const {
    std::vector<double> each = keras_reference().tensor(group + "/" + values).to_vector<double>();
    double sum = 0;
    for (double value : each) sum += value;
    return sum / static_cast<double>(each.size());
  }
  /// Keras' gradient is of the sum over the batch.
  void expect_gradient(const Tensor& logits, const char* expected) const {
    Tensor sum = scale(logits.leaf()->gradient, static_cast<double>(logits.shape()[0]));
    expect_reference(sum, group + "/" + expected, 1e-9);
  }
};

TEST_P(KerasLoss, OfLogitsAgrees) {
  Tensor logits = watched_reference(group + "/logits");
  Tape tape;
  Tensor loss = loss_from_logits(GetParam().loss, logits, labels());
  EXPECT_NEAR(loss.item<double>(), mean_of("graph_value"), 1e-12 * mean_of("graph_value"));
  tape.backward(loss);
  expect_gradient(logits, "graph_grad");
}

TEST_P(KerasLoss, OfProbabilitiesAgrees) {
  Tensor logits = watched_reference(group + "/logits");
  Tape tape;
  Tensor loss = loss_from_probabilities(GetParam().loss, activate(logits, GetParam().activation), labels());
  EXPECT_NEAR(loss.item<double>(), mean_of("cut_value"), 1e-8 * mean_of("cut_value"));
  tape.backward(loss);
  expect_gradient(logits, "cut_grad");
}

const LossCase cases[] = {
    {"sigmoid_bce", Loss::binary_crossentropy, Activation::sigmoid},
    {"softmax_cce", Loss::categorical_crossentropy, Activation::softmax},
    {"softmax_sparse_cce", Loss::sparse_categorical_crossentropy, Activation::softmax},
};
INSTANTIATE_TEST_SUITE_P(Loss, KerasLoss, testing::ValuesIn(cases), name_of_sample);

/// A loss behind its activation equals the two ops it replaces, where neither is clipped.
/// Rows of many logits go in vectors: against their definition in f64, with any threads, at any address.
TEST(LossFromLogits, OfManyClassesIsItsDefinition) {
  constexpr int64_t rows = 37, classes = 1003;
  Tensor z = test_values({rows, classes}, 1, DType::f32, {}, -20, 20),
         picked = Tensor::empty({rows}, DType::i32);
  Tensor weights = softmax(test_values({rows, classes}, 2, DType::f32, {}, -3, 3));
  for (int64_t i = 0; i < rows; ++i) picked.mutable_data<int32_t>()[i] = static_cast<int32_t>(i * 27);
  for (Loss loss : {Loss::sparse_categorical_crossentropy, Loss::categorical_crossentropy}) {
    bool sparse = loss == Loss::sparse_categorical_crossentropy;
    double expected = 0;
    std::vector<double> gradient(rows * classes);
    for (int64_t i = 0; i < rows; ++i) {
      double sum = 0, total = 0;
      const float *row = z.data<float>() + i * classes, *y = weights.data<float>() + i * classes;
      auto label = [&](int64_t c) { return sparse ? double(c == i * 27) : double{y[c]}; };
      for (int64_t c = 0; c < classes; ++c) sum += std::exp(double{row[c]});
      for (int64_t c = 0; c < classes; ++c) total += label(c);
      for (int64_t c = 0; c < classes; ++c) {
        expected += label(c) * (std::log(sum) - row[c]) / rows;
        gradient[i * classes + c] = (std::exp(double{row[c]}) / sum * total - label(c)) / rows;
      }
    }
    std::vector<float> first;
    for (int64_t shift : {0, 1, 5}) {
      cpu::set_threads(static_cast<int>(1 + shift % 3));
      Tensor memory = Tensor::empty({2 * z.elements() + 16}), value = Tensor::empty({});
      Tensor moved = memory.range(shift, z.shape()), to = memory.range(z.elements() + 2 * shift, z.shape());
      moved.copy_from(z);
      loss_kernel(loss, true, moved, sparse ? picked : weights, Tensor(), value, to);
      EXPECT_NEAR(value.data<float>()[0], expected, 2e-6 * expected);
      std::vector<float> given = to.to_vector<float>();
      if (first.empty()) first = given;
      EXPECT_EQ(given, first) << "bits";
      for (int64_t i = 0; i < rows * classes; ++i) ASSERT_NEAR(given[i], gradient[i], 1e-6 / rows) << i;
    }
    cpu::set_threads(0);
  }
}

TEST(LossFromLogits, EqualsActivationAndLoss) {
  for (const LossCase& sample : cases) {
    Tensor logits = test_values({7, 5}, 1, DType::f64, {}, -2, 2);
    Tensor wanted = sample.loss == Loss::sparse_categorical_crossentropy
                        ? labels({0, 4, 2, 1, 3, 0, 1})
                        : test_values({7, 5}, 2, DType::f64, {}, 0, 1);
    if (sample.loss == Loss::categorical_crossentropy) wanted = softmax(wanted);
    logits.watch(Tensor::empty_like(logits));
    Tape tape;
    Tensor fused = loss_from_logits(sample.loss, logits, wanted);
    tape.backward(fused);
    Tensor gradient = logits.leaf()->gradient.clone();
    logits.leaf()->fresh = false;
    Tensor parts = loss_from_probabilities(sample.loss, activate(logits, sample.activation), wanted);
    EXPECT_LE(normalised_error(fused, parts), 1e-12) << sample.name;
    tape.backward(parts);
    EXPECT_LE(normalised_error(gradient, logits.leaf()->gradient), 1e-12) << sample.name;
  }
}

/// The inputs of a dense_loss of 70 rows, watched.
struct DenseLossInputs {
  Tensor x, kernel, bias, labels;
  explicit DenseLossInputs(Device device)
      : x(test_values({70, 130}, 1, DType::f32, device)),
        kernel(test_values({130, 2}, 2, DType::f32, device)),
        bias(test_values({2}, 3, DType::f32, device)) {
    std::vector<int32_t> classes(70);
    for (size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<int32_t>(i % 3 == 0);
    labels = Tensor::from(classes, {70}, device);
    for (Tensor* input : {&x, &kernel, &bias})
      input->watch(Tensor::zeros(input->shape(), DType::f32, device));
  }
  Tensor at_once() const {
    return dense_loss(Loss::sparse_categorical_crossentropy, x, kernel, bias, labels).loss;
  }
  std::vector<Tensor> gradients() const {
    return {x.leaf()->gradient.clone(), kernel.leaf()->gradient.clone(), bias.leaf()->gradient.clone()};
  }
};

TEST(DenseLoss, HandsOverTheGradientsOfItsParts) {
  for (Device device : test_devices()) {
    DenseLossInputs once(device), parts(device);
    Tape tape;
    Tensor loss = once.at_once();
    tape.backward(loss);
    Tape tape_of_parts;
    Tensor wanted = loss_from_logits(Loss::sparse_categorical_crossentropy,
                                     dense(parts.x, parts.kernel, parts.bias), parts.labels);
    tape_of_parts.backward(wanted);
    EXPECT_LE(normalised_error(loss, wanted), 1e-6);
    for (int i = 0; i < 3; ++i) EXPECT_LE(normalised_error(once.gradients()[i], parts.gradients()[i]), 1e-5);
  }
}

TEST(DenseLoss, ComputesGradientsAgainThatAnotherTapeHasOverwritten) {
  for (Device device : test_devices())
    for (bool adds : {false, true}) {
      DenseLossInputs inputs(device);
      Tape tape;
      Tensor loss = inputs.at_once();
      {
        Tape other;
        other.backward(inputs.at_once());
      }
      std::vector<Tensor> first = inputs.gradients();
      if (adds)
        tape.accumulate(loss);
      else
        tape.backward(loss);
      for (int i = 0; i < 3; ++i)
        EXPECT_LE(normalised_error(inputs.gradients()[i], adds ? add(first[i], first[i]) : first[i]), 1e-5);
    }
}

}  // namespace
}  // namespace manul
