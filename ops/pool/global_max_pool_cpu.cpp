#include <algorithm>

#include "manul/framework/cpu/parallel.h"
#include "manul/ops/pool/pool2d.h"

namespace manul::cpu {
namespace {

constexpr int64_t block = 64;  // channels that a thread takes along all pixels

/// Calls body(first element of x, of y, channels) for every picture and block of channels.
template <class Body>
void for_blocks(const Tensor& x, const Tensor& y, const Body& body) {
  int64_t batch = y.shape()[0], channels = y.shape()[1], blocks = (channels + block - 1) / block;
  int64_t picture = batch == 0 ? 0 : x.elements() / batch;
  parallel_for(batch * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t n = i / blocks, first = i % blocks * block;
      body(n * picture + first, n * channels + first, std::min(block, channels - first));
    }
  });
}

}  // namespace

void global_max_pool_forward(const Tensor& x, const Tensor& y) {
  visit_float(x.dtype(), "global_max_pool", [&]<class T>(T) {
    int64_t channels = y.shape()[1], pixels = y.elements() == 0 ? 0 : x.elements() / y.elements();
    for_blocks(x, y,
               [=, from = x.data<T>(), to = y.mutable_data<T>()](int64_t first, int64_t at, int64_t count) {
                 T best[block];
                 std::copy_n(from + first, count, best);
                 for (int64_t pixel = 1; pixel < pixels; ++pixel) {
                   const T* value = from + first + pixel * channels;
                   for (int64_t c = 0; c < count; ++c)  // written so that a NaN wins and stays
                     best[c] = value[c] <= best[c] || best[c] != best[c] ? best[c] : value[c];
                 }
                 std::copy_n(best, count, to + at);
               });
  });
}

void global_max_pool_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& dx) {
  visit_float(x.dtype(), "global_max_pool", [&]<class T>(T) {
    int64_t channels = y.shape()[1], pixels = y.elements() == 0 ? 0 : x.elements() / y.elements();
    for_blocks(x, y,
               [=, from = x.data<T>(), best = y.data<T>(), arrived = dy.data<T>(), to = dx.mutable_data<T>()](
                   int64_t first, int64_t at, int64_t count) {
                 T share[block] = {};
                 for (int64_t pixel = 0; pixel < pixels; ++pixel)
                   for (int64_t c = 0; c < count; ++c)
                     share[c] += from[first + pixel * channels + c] == best[at + c] ? T(1) : T(0);
                 for (int64_t c = 0; c < count; ++c) share[c] = arrived[at + c] / share[c];
                 for (int64_t pixel = 0; pixel < pixels; ++pixel)
                   for (int64_t c = 0; c < count; ++c) {
                     int64_t i = first + pixel * channels + c;
                     to[i] = from[i] == best[at + c] ? share[c] : T(0);
                   }
               });
  });
}

}  // namespace manul::cpu
