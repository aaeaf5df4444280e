#include "manul/ops/shape/shape_ops.h"
#include "manul/tests/ops/samples.h"

namespace manul {

std::vector<OpSample> shape_samples() {
  using Inputs = const std::vector<Tensor>&;
  auto transposed = [](Inputs x) { return transpose(x[0]); };
  return {
      {"reshape",
       {{{2, 7, 5, 3}}},
       [](Inputs x) {
         return reshape(x[0], {7, 30});
       }},
      {"flatten", {{{2, 7, 5, 3}}}, [](Inputs x) { return flatten(x[0]); }},
      {"transpose", {{{7, 5}}}, transposed},
      {"transpose_tiles", {{{65, 131}}}, transposed},
      {"transpose_one_element", {{{1, 1}}}, transposed},
  };
}

}  // namespace manul
