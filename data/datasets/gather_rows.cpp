#include "manul/data/datasets/gather_rows.h"

#include <algorithm>
#include <cstring>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/error.h"

namespace manul {

void gather_rows(const Tensor& state, const Tensor& index, const Tensor& source, const Tensor& target) {
  check(index.dtype() == DType::i32, "gather rows: the index is i32, not {}", name_of(index.dtype()));
  check(source.shape().rank() > 0 && target.shape().rank() > 0 &&
            source.shape().sample().elements() == target.shape().sample().elements(),
        "gather rows: rows of {} do not fit {}", source.shape(), target.shape());
  bool converts = source.dtype() == DType::u8 && target.dtype() == DType::f32;
  check(source.dtype() == target.dtype() || converts, "gather rows: {} does not become {}",
        name_of(source.dtype()), name_of(target.dtype()));
  gather_rows_kernel(state, index, source, target);
}

void cpu::gather_rows(const Tensor& state, const Tensor& index, const Tensor& source, const Tensor& target) {
  int64_t position = state.defined() ? state_in(state)->position : 0;
  int64_t length = target.shape()[0], elements = target.shape().sample().elements();
  check(position >= 0 && position + length <= index.elements(),
        "gather rows: {} rows at {} of an index of {}", length, position, index.elements());
  const int32_t* rows = index.data<int32_t>() + position;
  for (int64_t k = 0; k < length; ++k)
    check(rows[k] >= 0 && rows[k] < source.shape()[0], "gather rows: there is no row {}, only {} of them",
          rows[k], source.shape()[0]);
  const auto* from = static_cast<const uint8_t*>(source.raw_data());
  auto* to = static_cast<uint8_t*>(target.raw());
  bool converts = source.dtype() != target.dtype();
  int64_t bytes = elements * size_of(source.dtype());
  parallel_for(length, std::max<int64_t>(1, (int64_t{1} << 15) / std::max<int64_t>(bytes, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t k = begin; k < end; ++k) {
                   const uint8_t* row = from + rows[k] * bytes;
                   if (converts)
                     std::copy(row, row + elements, reinterpret_cast<float*>(to) + k * elements);
                   else
                     std::memcpy(to + k * bytes, row, static_cast<size_t>(bytes));
                 }
               });
}

}  // namespace manul
