#include "manul/ops/fused/dense_loss.h"

#include <algorithm>

#include "manul/framework/cuda/launch.h"
#include "manul/ops/losses/loss_functions.h"
#include "manul/ops/losses/loss_labels.h"

namespace manul::cuda {
namespace {

constexpr int head_threads = 1024, head_rows = head_threads / 32;  // a warp a row
constexpr int lanes = 128, groups = head_threads / lanes, rows_a_group = head_rows / groups;

template <class T>
struct Head {
  Loss loss;
  int64_t rows, length;
  int units;
  const T *x, *kernel, *bias;
  Labels labels;
  T *value, *logits, *dlogits, *dx, *dkernel, *dbias;
  T* partial;             // [blocks][(length + 1) * units]: the gradients of kernel and bias
  double* partial_value;  // [blocks]
  uint32_t* counter;

  __device__ int64_t terms() const { return loss == Loss::binary_crossentropy ? rows * units : rows; }
  __device__ void store(int i, T sum) const {
    if (i >= length * units) {
      if (dbias) dbias[i - length * units] = sum;
    } else if (dkernel) {
      dkernel[i] = sum;
    }
  }
  __device__ void store_value(double total) const {
    *value = static_cast<T>(total / static_cast<double>(terms()));
  }

  // What a block has added up: with other blocks beside it, a part.
  __device__ void deliver(int i, int sums, T sum) const {
    if (gridDim.x == 1)
      store(i, sum);
    else
      partial[int64_t{blockIdx.x} * sums + i] = sum;
  }
  __device__ void deliver_value(double total) const {
    if (gridDim.x == 1)
      store_value(total);
    else
      partial_value[blockIdx.x] = total;
  }
};

/// What a row's loss needs besides the logits, read before they are known.
template <class T, int units>
struct Target {
  T values[units];  // binary, categorical
  int64_t label;    // sparse

  __device__ Target(const Head<T>& head, int64_t row) : values{}, label(0) {
    if (head.loss == Loss::sparse_categorical_crossentropy) {
      label = head.labels.class_of(row);
      return;
    }
#pragma unroll
    for (int u = 0; u < units; ++u) values[u] = static_cast<T>(head.labels[row * units + u]);
  }
};

/// The loss of a row of logits and its gradient, both for the whole row.
template <class T, int units>
__device__ T row_loss(const Head<T>& head, const Target<T, units>& target, const T (&z)[units],
                      T (&gradient)[units]) {
  T factor = T(1) / static_cast<T>(head.terms());
  if (head.loss == Loss::binary_crossentropy) {
    T sum = 0;
#pragma unroll
    for (int u = 0; u < units; ++u) {
      LossTerm<T> term = binary_crossentropy_of_logit(z[u], target.values[u]);
      sum += term.value;
      gradient[u] = term.derivative * factor;
    }
    return sum;
  }
  if (head.loss == Loss::categorical_crossentropy)
    return categorical_crossentropy_of_logits(z, units, ClassWeights<T>{target.values}, gradient, factor);
  if (target.label >= 0 && target.label < units)
    return categorical_crossentropy_of_logits(z, units, OneHot<T>{target.label}, gradient, factor);
  for (T& value : gradient) value = static_cast<T>(NAN);  // as in loss.cu
  return static_cast<T>(NAN);
}

/// Logits, loss and its gradient of the block's rows, a warp a row; gradients to `dz`, losses to `values`.
template <class T, int units>
__device__ void lose(const Head<T>& head, T (*dz)[units], double* values) {
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  int64_t row = int64_t{blockIdx.x} * head_rows + warp;
  T z[units] = {}, gradient[units] = {};
  double value = 0;
  if (row < head.rows) {
    Target<T, units> target(head, row);
    T offset[units];
#pragma unroll
    for (int u = 0; u < units; ++u) offset[u] = head.bias ? head.bias[u] : T(0);
#pragma unroll 4
    for (int k = lane; k < head.length; k += 32) {
      T input = head.x[row * head.length + k];
#pragma unroll
      for (int u = 0; u < units; ++u) z[u] += input * head.kernel[k * units + u];
    }
#pragma unroll
    for (int u = 0; u < units; ++u) z[u] = warp_sum(z[u]) + offset[u];
    value = static_cast<double>(row_loss(head, target, z, gradient));
    if (lane == 0)
#pragma unroll
      for (int u = 0; u < units; ++u) {
        head.logits[row * units + u] = z[u];
        head.dlogits[row * units + u] = gradient[u];
      }
  }
  if (lane == 0) {
    values[warp] = value;
#pragma unroll
    for (int u = 0; u < units; ++u) dz[warp][u] = gradient[u];
  }
}

/// What the rows of one group of threads give to the gradient of input k's weights; dx of these rows.
template <class T, int units>
__device__ void multiply_back(const Head<T>& head, const T (*dz)[units], int group, int k, T (&sum)[units]) {
  int length = static_cast<int>(head.length);
  T weight[units];
#pragma unroll
  for (int u = 0; u < units; ++u) weight[u] = head.kernel[k * units + u];
#pragma unroll
  for (int i = 0; i < rows_a_group; ++i) {
    int r = group * rows_a_group + i;
    int64_t row = int64_t{blockIdx.x} * head_rows + r;
    if (row >= head.rows) break;
    T input = head.x[row * length + k], back = 0;
#pragma unroll
    for (int u = 0; u < units; ++u) {
      sum[u] += input * dz[r][u];
      back += dz[r][u] * weight[u];
    }
    if (head.dx) head.dx[row * length + k] = back;
  }
}

/// dx of the block's rows and what they give to dkernel: a thread has one input at a time and the rows of a
/// group, whose sums are added in order.
template <class T, int units>
__device__ void add_kernel_gradients(const Head<T>& head, const T (*dz)[units], T (*parts)[groups][lanes]) {
  int lane = threadIdx.x % lanes, group = threadIdx.x / lanes, length = static_cast<int>(head.length);
  for (int first = 0; first < length; first += lanes) {
    int k = first + lane;
    T sum[units] = {};
    if (k < length) multiply_back(head, dz, group, k, sum);
    __syncthreads();
#pragma unroll
    for (int u = 0; u < units; ++u) parts[u][group][lane] = sum[u];
    __syncthreads();
    if (group < units && k < length) {
      T total = 0;
#pragma unroll
      for (int other = 0; other < groups; ++other) total += parts[group][other][lane];
      head.deliver(k * units + group, (length + 1) * units, total);
    }
  }
}

/// What the block's rows give to dbias and to the loss. One warp calls it, a lane a row.
template <class T, int units>
__device__ void add_rows(const Head<T>& head, const T (*dz)[units], const double* values) {
  int length = static_cast<int>(head.length);
#pragma unroll
  for (int u = 0; u < units; ++u) {
    T total = warp_sum(dz[threadIdx.x][u]);
    if (threadIdx.x == 0) head.deliver(length * units + u, (length + 1) * units, total);
  }
  double total = warp_sum(values[threadIdx.x]);
  if (threadIdx.x == 0) head.deliver_value(total);
}

/// Adds what all blocks have delivered, `sums` gradients and the loss.
template <class T>
__device__ void add_blocks(const Head<T>& head, int sums) {
  int blocks = static_cast<int>(gridDim.x);
  for (int i = threadIdx.x; i < sums; i += head_threads) {
    constexpr int at_once = 16;  // the memory is far, and the block is alone
    T total = 0;
    for (int block = 0; block < blocks; block += at_once) {
      T read[at_once];
#pragma unroll
      for (int j = 0; j < at_once; ++j)
        read[j] = block + j < blocks ? __ldcg(head.partial + int64_t{block + j} * sums + i) : T(0);
#pragma unroll
      for (int j = 0; j < at_once; ++j) total += read[j];
    }
    head.store(i, total);
  }
  if (threadIdx.x < head_threads - 32) return;
  double total = 0;  // by the last warp, beside the others
  for (int block = threadIdx.x % 32; block < blocks; block += 32) total += __ldcg(head.partial_value + block);
  total = warp_sum(total);
  if (threadIdx.x == head_threads - 1) head.store_value(total);
}

/// The gradients of a dense of few units and the loss behind it, the whole way there and back.
template <class T, int units>
__global__ void __launch_bounds__(head_threads) head_kernel(Head<T> head) {
  begin_kernel();
  __shared__ T dz[head_rows][units];
  __shared__ T parts[units][groups][lanes];
  __shared__ double values[head_rows];
  lose<T, units>(head, dz, values);
  __syncthreads();
  add_kernel_gradients<T, units>(head, dz, parts);
  if (threadIdx.x < 32) add_rows<T, units>(head, dz, values);
  if (gridDim.x > 1 && is_last_block(head.counter, gridDim.x))
    add_blocks(head, (static_cast<int>(head.length) + 1) * units);
}

}  // namespace

void dense_loss(Loss loss, const Tensor& x, const Tensor& kernel, const Tensor& bias, const Tensor& labels,
                const Tensor& value, const Tensor& logits, const Tensor& dlogits, const Tensor& dx,
                const Tensor& dkernel, const Tensor& dbias) {
  visit_float(x.dtype(), "dense_loss", [&](auto zero) {
    using T = decltype(zero);
    const Context& context = context_of(x);
    int64_t rows = x.shape()[0], length = x.shape()[1], units = kernel.shape()[1];
    unsigned blocks = blocks_for(rows, head_rows);
    Tensor partial, partial_value;
    if (blocks > 1) {
      partial = Tensor::empty({blocks, (length + 1) * units}, x.dtype(), x.device());
      partial_value = Tensor::empty({blocks}, DType::f64, x.device());
    }
    Head<T> head{loss,
                 rows,
                 length,
                 static_cast<int>(units),
                 x.data<T>(),
                 kernel.data<T>(),
                 data_or_null<T>(bias),
                 labels_in(labels),
                 value.mutable_data<T>(),
                 logits.mutable_data<T>(),
                 dlogits.mutable_data<T>(),
                 mutable_data_or_null<T>(dx),
                 mutable_data_or_null<T>(dkernel),
                 mutable_data_or_null<T>(dbias),
                 mutable_data_or_null<T>(partial),
                 mutable_data_or_null<double>(partial_value),
                 context.counters()};
    auto function = units == 1   ? head_kernel<T, 1>
                    : units == 2 ? head_kernel<T, 2>
                    : units == 3 ? head_kernel<T, 3>
                                 : head_kernel<T, 4>;
    launch(context, function, blocks, head_threads, head);
  });
}

}  // namespace manul::cuda
