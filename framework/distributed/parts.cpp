#include "manul/framework/distributed/parts.h"

#include <algorithm>

#include "manul/framework/distributed/communicator.h"

namespace manul {

BatchPart part_of_batch(int64_t length, int rank, int size) {
  if (size == 1) return {.length = length};
  int64_t first = length * rank / size, end = length * (rank + 1) / size;
  if (first == end) return {.first = 0, .length = 1, .total = length, .counts = false};
  return {.first = first, .length = end - first, .total = length};
}

BatchPart part_of_batch(int64_t length) {
  return part_of_batch(length, processes().rank(), processes().size());
}

std::vector<int32_t> own_samples(const std::vector<int32_t>& order, int64_t first, int64_t batch_size) {
  std::vector<int32_t> own;
  auto size = static_cast<int64_t>(order.size());
  for (int64_t position = first; position < size; position += batch_size) {
    BatchPart part = part_of_batch(std::min(batch_size, size - position));
    auto begin = order.begin() + position + part.first;
    own.insert(own.end(), begin, begin + part.length);
  }
  return own;
}

Tensor sum_of_parts(const Tensor& values, const BatchPart& part) {
  if (part.is_whole()) return values;
  Tensor sum = part.counts ? values.clone() : Tensor::zeros(values.shape(), values.dtype(), values.device());
  processes().sum(sum);
  return sum;
}

}  // namespace manul
