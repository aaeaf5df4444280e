#include "manul/ops/pointwise/pointwise.h"
#include "manul/ops/shape/shape_ops.h"
#include "manul/tests/ops/samples.h"

namespace manul {

std::vector<OpSample> shape_samples() {
  using Inputs = const std::vector<Tensor>&;
  auto transposed = [](Inputs x) { return transpose(x[0]); };
  auto axes = [](std::vector<int> order) { return [order](Inputs x) { return transpose(x[0], order); }; };
  auto concat_along = [](int axis) { return [axis](Inputs x) { return concat(x, axis); }; };
  auto broadcast = [](const Shape& shape) { return [shape](Inputs x) { return broadcast_to(x[0], shape); }; };
  return {
      {"reshape",
       {{{2, 7, 5, 3}}},
       [](Inputs x) {
         return reshape(x[0], {7, 30});
       }},
      {"flatten", {{{2, 7, 5, 3}}}, [](Inputs x) { return flatten(x[0]); }},
      {"expand_dims", {{{2, 3}}}, [](Inputs x) { return expand_dims(x[0], -2); }},
      {"squeeze", {{{2, 1, 3}}}, [](Inputs x) { return squeeze(x[0], 1); }},
      {"transpose", {{{7, 5}}}, transposed},
      {"transpose_tiles", {{{65, 131}}}, transposed},
      {"transpose_one_element", {{{1, 1}}}, transposed},
      {"transpose_channels_first", {{{2, 5, 7, 3}}}, axes({0, 3, 1, 2})},
      {"transpose_channels_last", {{{2, 3, 5, 7}}}, axes({0, 2, 3, 1})},
      {"transpose_heads", {{{2, 5, 3, 4}}}, axes({0, 2, 1, 3})},
      {"transpose_all", {{{2, 3, 4, 5}}}, axes({3, 2, 1, 0})},
      {"transpose_none", {{{2, 3, 4}}}, axes({0, 1, 2})},
      {"transpose_many_matrices", {{{33, 4, 70}}}, axes({0, 2, 1})},
      {"slice_middle",
       {{{3, 5, 7, 2}}},
       [](Inputs x) {
         return slice(x[0], {1, 0, 2, 1}, {2, 5, 3, 1});
       }},
      {"slice_front", {{{5, 6}}}, [](Inputs x) { return slice(x[0], 0, 1, 4); }},
      {"slice_back", {{{5, 16}}}, [](Inputs x) { return slice(x[0], -1, -8, 16); }},
      {"slice_all", {{{5, 6}}}, [](Inputs x) { return slice(x[0], 1, 0, 6); }},
      {"split",
       {{{3, 6, 2}}},
       [](Inputs x) {
         std::vector<Tensor> parts = split(x[0], {1, 3, 2}, 1);
         return concat({parts[2], parts[0]}, 1);
       }},
      {"split_evenly", {{{3, 6}}}, [](Inputs x) { return stack(split(x[0], 3), 1); }},
      {"concat_last", {{{2, 3, 5}}, {{2, 3, 1}}, {{2, 3, 2}}}, concat_along(-1)},
      {"concat_last_words", {{{2, 3, 8}}, {{2, 3, 4}}}, concat_along(-1)},
      {"concat_middle", {{{2, 3, 5}}, {{2, 1, 5}}}, concat_along(1)},
      {"concat_first", {{{2, 3}}, {{4, 3}}}, concat_along(0)},
      {"concat_one", {{{2, 3}}}, concat_along(0)},
      {"concat_itself",
       {{{2, 3}}},
       [](Inputs x) {
         return concat({x[0], x[0]}, 1);
       }},
      {"concat_wide", {{{3, 20001}}, {{3, 9}}}, concat_along(1)},
      {"stack_first", {{{2, 3}}, {{2, 3}}}, [](Inputs x) { return stack(x); }},
      {"stack_last", {{{2, 3}}, {{2, 3}}}, [](Inputs x) { return stack(x, -1); }},
      {"pad",
       {{{2, 3, 4}}},
       [](Inputs x) {
         return pad(x[0], {{0, 0}, {1, 2}, {3, 0}}, 0.5);
       }},
      {"pad_nothing",
       {{{2, 3}}},
       [](Inputs x) {
         return pad(x[0], {{0, 0}, {0, 0}});
       }},
      {"broadcast_middle", {{{3, 1, 1, 5}}}, broadcast({3, 4, 2, 5})},
      {"broadcast_front", {{{5}}}, broadcast({3, 4, 5})},
      {"broadcast_back", {{{3, 4, 1}}}, broadcast({3, 4, 7})},
      {"broadcast_apart", {{{1, 4, 1, 3}}}, broadcast({2, 4, 5, 3})},
      {"broadcast_scalar", {{{}}}, broadcast({3, 4})},
      {"broadcast_many", {{{1, 3}}}, broadcast({40000, 3})},
      {"sum_to_middle",
       {{{2, 3, 4, 5}}},
       [](Inputs x) {
         return sum_to(x[0], {2, 1, 4, 1});
       }},
      {"sum_to_back", {{{2, 3, 4}}}, [](Inputs x) { return sum_to(x[0], {4}); }},
      {"gather_rows",
       {{{7, 5}}, {{2, 9}, 0, 7, false, DType::i32}},
       [](Inputs x) { return gather(x[0], x[1]); }},
      {"gather_middle",
       {{{3, 6, 70}}, {{8}, 0, 6, false, DType::i32}},
       [](Inputs x) { return gather(x[0], x[1], 1); }},
      {"gather_many",
       {{{11, 3}}, {{700}, 0, 11, false, DType::i32}},
       [](Inputs x) { return gather(x[0], x[1]); }},
      {"one_hot",
       {{{4, 5}}, {{4}, 0, 6, false, DType::i32}},
       [](Inputs x) { return multiply(x[0], one_hot(x[1], 5, x[0].dtype())); }},
      {"tile",
       {{{2, 3}}},
       [](Inputs x) {
         return tile(x[0], {2, 3});
       }},
      {"repeat_first", {{{2, 3}}}, [](Inputs x) { return repeat(x[0], 3, 0); }},
      {"repeat_last", {{{2, 3}}}, [](Inputs x) { return repeat(x[0], 2, -1); }},
  };
}

}  // namespace manul
