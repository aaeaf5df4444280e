#include "manul/ops/dense/heads_matmul.h"

#include "manul/framework/cpu/eigen.h"
#include "manul/framework/tape.h"
#include "manul/ops/dense/batch_matmul.h"
#include "manul/ops/shape/strided_copy.h"

namespace manul {

Tensor heads_scores(const Tensor& q, const Tensor& k, double factor) {
  const Shape &of_q = q.shape(), &of_k = k.shape();
  bool fits = of_q.rank() == 4 && of_k.rank() == 4 && of_q[0] == of_k[0] && of_q[2] == of_k[2] &&
              of_q[3] == of_k[3] && q.dtype() == k.dtype();
  check(fits, "heads_scores: {} of {} does not go with {} of {} (want [B, T, H, D] and [B, S, H, D])", of_q,
        name_of(q.dtype()), of_k, name_of(k.dtype()));
  Tensor y = Tensor::empty({of_q[0], of_q[2], of_q[1], of_k[1]}, q.dtype(), q.device());
  heads_matmul_kernel(q, k, Transpose::b, factor, y);
  if (Tape* tape = Tape::recording({&q, &k}))
    tape->record("heads_scores", y, {q, k}, [q, k, factor](const Tensor& dy, Gradients& gradients) {
      if (gradients.needed(0)) heads_matmul_kernel(dy, k, Transpose::none, factor, gradients.target(0));
      if (gradients.needed(1)) heads_matmul_kernel(dy, q, Transpose::a, factor, gradients.target(1));
    });
  return y;
}

Tensor heads_values(const Tensor& weights, const Tensor& v) {
  const Shape &of_weights = weights.shape(), &of_v = v.shape();
  bool fits = of_weights.rank() == 4 && of_v.rank() == 4 && of_weights[0] == of_v[0] &&
              of_weights[1] == of_v[2] && of_weights[3] == of_v[1] && weights.dtype() == v.dtype();
  check(fits, "heads_values: {} of {} does not go with {} of {} (want [B, H, T, S] and [B, S, H, D])",
        of_weights, name_of(weights.dtype()), of_v, name_of(v.dtype()));
  Tensor y = Tensor::empty({of_v[0], of_weights[2], of_v[2], of_v[3]}, v.dtype(), v.device());
  heads_matmul_kernel(weights, v, Transpose::none, 1.0, y);
  if (Tape* tape = Tape::recording({&weights, &v}))
    tape->record("heads_values", y, {weights, v}, [weights, v](const Tensor& dy, Gradients& gradients) {
      if (gradients.needed(0)) heads_matmul_kernel(dy, v, Transpose::b, 1.0, gradients.target(0));
      if (gradients.needed(1)) heads_matmul_kernel(weights, dy, Transpose::a, 1.0, gradients.target(1));
    });
  return y;
}

namespace cpu {
namespace {

/// x with the axes 1 and 2 exchanged.
Tensor exchange_heads(const Tensor& x, const Tensor& to) {
  const Shape& s = x.shape();
  auto steps = steps_of(s);
  auto to_steps = steps_of(to.shape());
  StridedCopy copy;
  copy.add_axis(s[0], steps[0], to_steps[0]);
  copy.add_axis(s[2], steps[2], to_steps[1]);
  copy.add_axis(s[1], steps[1], to_steps[2]);
  copy.add_axis(s[3], 1, 1);
  strided_copy(x, copy, to);
  return to;
}
Tensor apart(const Tensor& x) {
  const Shape& s = x.shape();
  return exchange_heads(x, Tensor::empty({s[0], s[2], s[1], s[3]}, x.dtype(), x.device()));
}
Tensor as_matrices(const Tensor& x) {
  const Shape& s = x.shape();
  return x.view({s[0] * s[1], s[2], s[3]});
}

}  // namespace

void heads_matmul(const Tensor& a, const Tensor& b, Transpose transpose, double factor, const Tensor& y) {
  Tensor right = apart(b);
  if (factor != 1)
    visit_float(b.dtype(), "heads_matmul", [&]<class T>(T) {
      map<T>(
          right.elements(), [by = static_cast<T>(factor)](Vector<T> v) { return v * by; },
          right.mutable_data<T>(), right.data<T>());
    });
  if (transpose == Transpose::b)
    return batch_matmul(as_matrices(apart(a)), as_matrices(right), transpose, as_matrices(y));
  const Shape& s = y.shape();
  Tensor product = Tensor::empty({s[0], s[2], s[1], s[3]}, y.dtype(), y.device());
  batch_matmul(as_matrices(a), as_matrices(right), transpose, as_matrices(product));
  exchange_heads(product, y);
}

}  // namespace cpu
}  // namespace manul
