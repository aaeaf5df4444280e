#include "manul/ops/dense/attention.h"

#include <cstdint>

#include "manul/framework/tape.h"
#include "manul/ops/dense/heads_matmul.h"
#include "manul/ops/pointwise/softmax.h"

namespace manul {
namespace {

bool is_in_one_pass([[maybe_unused]] const Tensor& q, [[maybe_unused]] const Tensor& v,
                    [[maybe_unused]] double factor) {
#ifdef MANUL_WITH_CUDA
  constexpr int64_t longest = 64;
  auto fits = [](int64_t length) { return length % 8 == 0 && length <= longest; };
  return q.dtype() == DType::bf16 && !q.device().is_cpu() && factor > 0 && q.elements() > 0 &&
         v.elements() > 0 && fits(q.shape()[3]) && fits(v.shape()[3]) && cuda::has_attention(q.device());
#else
  return false;
#endif
}

/// Where kernels read 16 bytes at a time: a copy of what does not begin at a multiple of them.
Tensor aligned(const Tensor& x) {
  return reinterpret_cast<uintptr_t>(x.raw_data()) % 16 == 0 ? x : x.clone();
}

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, double factor) {
  const Shape &of_q = q.shape(), &of_k = k.shape(), &of_v = v.shape();
  bool fits = of_q.rank() == 4 && of_k.rank() == 4 && of_v.rank() == 4 && of_q[0] == of_k[0] &&
              of_q[2] == of_k[2] && of_q[3] == of_k[3] && of_v[0] == of_k[0] && of_v[1] == of_k[1] &&
              of_v[2] == of_k[2] && q.dtype() == k.dtype() && q.dtype() == v.dtype();
  check(fits,
        "attention: query {} of {}, key {} of {} and value {} of {} do not go together (want [B, T, H, D], "
        "[B, S, H, D] and [B, S, H, E])",
        of_q, name_of(q.dtype()), of_k, name_of(k.dtype()), of_v, name_of(v.dtype()));
  if (!is_in_one_pass(q, v, factor)) return heads_values(softmax(heads_scores(q, k, factor)), v);
  Tensor logs = Tensor::empty({of_q[0], of_q[2], of_q[1]}, DType::f32, q.device());
  Tensor y = Tensor::empty({of_q[0], of_q[1], of_q[2], of_v[3]}, q.dtype(), q.device());
  attention_forward_kernel(aligned(q), aligned(k), aligned(v), factor, logs, y);
  if (Tape* tape = Tape::recording({&q, &k, &v}))
    tape->record(
        "attention", y, {q, k, v}, [q, k, v, factor, logs, y](const Tensor& dy, Gradients& gradients) {
          Tensor targets[3];
          const Tensor* inputs[3] = {&q, &k, &v};
          for (int i = 0; i < 3; ++i)
            targets[i] = gradients.needed(i) ? gradients.target(i) : Tensor::empty_like(*inputs[i]);
          attention_backward_kernel(q, k, v, factor, logs, y, dy, targets[0], targets[1], targets[2]);
        });
  return y;
}

}  // namespace manul
