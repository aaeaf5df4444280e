#include "manul/ops/dense/attention.h"
#include "manul/ops/dense/batch_matmul.h"
#include "manul/ops/dense/heads_matmul.h"
#include "manul/tests/ops/samples.h"

namespace manul {
namespace {

using Inputs = const std::vector<Tensor>&;

OpSample product(const char* name, int64_t rows, int64_t inner, int64_t columns) {
  return {name, {{{rows, inner}}, {{inner, columns}}}, [](Inputs x) { return matmul(x[0], x[1]); }};
}

/// q [2, T, 3, D], k [2, S, 3, D], v [2, S, 3, E]
OpSample attention_sample(const char* name, int64_t queries, int64_t keys, int64_t length, int64_t values) {
  return {name,
          {{{2, queries, 3, length}, -2, 2}, {{2, keys, 3, length}, -2, 2}, {{2, keys, 3, values}}},
          [](Inputs x) { return attention(x[0], x[1], x[2], 0.25); },
          1e-5,
          8};
}

OpSample dense_sample(const char* name, int64_t batch, int64_t in, int64_t units, Activation activation,
                      double tolerance = 1e-5, double bf16_roundings = 4) {
  // The bias keeps the sums off relu's corner: they are multiples of a small number, the bias is not.
  return {name,
          {{{batch, in}}, {{in, units}}, {{units}, 0.01, 0.5}},
          [activation](Inputs x) { return dense(x[0], x[1], x[2], activation); },
          tolerance,
          bf16_roundings};
}

}  // namespace

std::vector<OpSample> matmul_samples() {
  return {
      product("matmul_odd", 7, 5, 3),
      product("matmul_one_element", 1, 1, 1),
      product("matmul_one_row", 1, 129, 35),
      product("matmul_one_column", 67, 130, 1),
      product("matmul_many", 33, 517, 131),
      product("matmul_outer", 19, 1, 21),
      product("matmul_many_terms", 5, 2100, 19),
      product("matmul_many_rows", 2100, 5, 19),
      {"batch_matmul", {{{3, 5, 7}}, {{3, 7, 4}}}, [](Inputs x) { return matmul(x[0], x[1]); }},
      {"batch_matmul_transpose_a",
       {{{2, 3, 7, 5}}, {{2, 3, 7, 4}}},
       [](Inputs x) { return batch_matmul(x[0], x[1], Transpose::a); }},
      {"batch_matmul_transpose_b",
       {{{2, 3, 5, 7}}, {{2, 3, 4, 7}}},
       [](Inputs x) { return batch_matmul(x[0], x[1], Transpose::b); }},
      {"batch_matmul_repeated", {{{2, 1, 5, 7}}, {{3, 7, 4}}}, [](Inputs x) { return matmul(x[0], x[1]); }},
      {"batch_matmul_one_matrix", {{{2, 3, 5, 7}}, {{7, 4}}}, [](Inputs x) { return matmul(x[0], x[1]); }},
      {"batch_matmul_tiles",
       {{{2, 70, 40}}, {{2, 66, 40}}},
       [](Inputs x) { return batch_matmul(x[0], x[1], Transpose::b); }},
      {"batch_matmul_attention",
       {{{1, 2, 260, 260}}, {{1, 2, 260, 64}}},
       [](Inputs x) { return matmul(x[0], x[1]); }},
      {"batch_matmul_blas", {{{2, 400, 300}}, {{2, 300, 320}}}, [](Inputs x) { return matmul(x[0], x[1]); }},
      {"heads_scores",
       {{{2, 5, 3, 8}}, {{2, 7, 3, 8}}},
       [](Inputs x) { return heads_scores(x[0], x[1], 0.5); }},
      {"heads_values", {{{2, 3, 5, 7}}, {{2, 7, 3, 8}}}, [](Inputs x) { return heads_values(x[0], x[1]); }},
      {"heads_scores_blas",
       {{{3, 70, 2, 64}}, {{3, 66, 2, 64}}},
       [](Inputs x) { return heads_scores(x[0], x[1], 0.125); }},
      {"heads_values_blas",
       {{{1, 3, 70, 66}}, {{1, 66, 3, 64}}},
       [](Inputs x) { return heads_values(x[0], x[1]); }},
      attention_sample("attention", 5, 7, 8, 16),
      attention_sample("attention_tiles", 130, 75, 64, 64),
      attention_sample("attention_narrow", 20, 140, 24, 40),
      attention_sample("attention_few_keys", 66, 3, 32, 32),
      attention_sample("attention_wide", 9, 11, 72, 12),
      {"dense_of_one_input",  // its gradients are added by the products
       {{{300, 96}}, {{96, 1100}}, {{96, 1100}}, {{1100}}},
       [](Inputs x) { return add(dense(x[0], x[1], x[3]), dense(x[0], x[2], x[3])); }},
      {"dense_of_one_input_few",
       {{{6, 11}}, {{11, 5}}, {{11, 5}}},
       [](Inputs x) { return add(dense(x[0], x[1], {}, Activation::tanh), dense(x[0], x[2], {})); }},
      dense_sample("dense_linear", 5, 7, 3, Activation::linear),
      dense_sample("dense_relu", 9, 37, 17, Activation::relu),
      dense_sample("dense_relu_many", 37, 333, 129, Activation::relu),
      dense_sample("dense_sigmoid_one_unit", 33, 128, 1, Activation::sigmoid),
      dense_sample("dense_tanh", 6, 11, 65, Activation::tanh),
      // Lengths that are multiples of four, for each size of tile that a GPU has for them.
      dense_sample("dense_panels_narrow", 31, 300, 36, Activation::relu),
      dense_sample("dense_panels_long", 9, 8260, 20, Activation::tanh, 4e-5, 6),
      dense_sample("dense_panels_middle", 67, 132, 68, Activation::sigmoid),
      dense_sample("dense_softmax", 6, 11, 5, Activation::softmax),
      dense_sample("dense_one_element", 1, 1, 1, Activation::sigmoid),
      {"dense_no_bias",
       {{{5, 7}}, {{7, 3}}},
       [](Inputs x) { return dense(x[0], x[1], {}, Activation::tanh); }},
      {"dense_frozen_kernel",
       {{{5, 7}}, {{7, 3}, -1, 1, false}, {{3}}},
       [](Inputs x) { return dense(x[0], x[1], x[2], Activation::sigmoid); }},
      {"dense_panels_first_layer",
       {{{37, 72}, -1, 1, false}, {{72, 20}}, {{20}}},
       [](Inputs x) { return dense(x[0], x[1], x[2], Activation::sigmoid); }},
      {"dense_panels_frozen_kernel",
       {{{37, 72}}, {{72, 20}, -1, 1, false}},
       [](Inputs x) { return dense(x[0], x[1], {}, Activation::linear); }},
      {"dense_first_layer",
       {{{5, 70}, -1, 1, false}, {{70, 9}}, {{9}}},
       [](Inputs x) { return dense(x[0], x[1], x[2], Activation::sigmoid); }},
  };
}

}  // namespace manul
