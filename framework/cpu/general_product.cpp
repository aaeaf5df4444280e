#include "manul/framework/cpu/general_product.h"

#include <algorithm>
#include <vector>

#include "manul/framework/cpu/eigen.h"

namespace manul::cpu {
namespace {

/// Eigen's own blocking goes by the caches of the processor it runs on, and its products of small matrices by
/// their addresses: therefore its kernel is called with blocks of fixed size.
template <class T>
class FixedBlocking : public Eigen::internal::level3_blocking<T, T> {
 public:
  explicit FixedBlocking(ProductSize size) {
    constexpr int64_t most_inner = 256, most_columns = 384, most_rows = 512, unit = 8;
    int64_t pieces = (size.inner + most_inner - 1) / most_inner;
    this->m_kc = ((size.inner + pieces - 1) / pieces + unit - 1) / unit * unit;
    this->m_mc = std::min(size.columns, most_columns);  // Eigen's kernel makes the transposed product
    this->m_nc = std::min(size.rows, most_rows);
  }
};

template <class T, int order_of_a, int order_of_b>
void multiply(ProductSize size, Matrix<T> a, Matrix<T> b, T* y, int64_t y_step) {
  using Product = Eigen::internal::general_matrix_matrix_product<Eigen::Index, T, order_of_a, false, T,
                                                                 order_of_b, false, Eigen::RowMajor, 1>;
  for (int64_t row = 0; row < size.rows; ++row) std::fill_n(y + row * y_step, size.columns, T(0));
  if (size.columns == 0 || size.inner == 0) return;
  FixedBlocking<T> blocking(size);
  Product::run(size.rows, size.columns, size.inner, a.data, a.step, b.data, b.step, y, 1, y_step, T(1),
               blocking, nullptr);
}

template <class T>
void multiply(ProductSize size, Matrix<T> a, Matrix<T> b, T* y, int64_t y_step) {
  constexpr int by_rows = Eigen::RowMajor, by_columns = Eigen::ColMajor;
  auto function =
      a.transposed ? (b.transposed ? multiply<T, by_columns, by_columns> : multiply<T, by_columns, by_rows>)
                   : (b.transposed ? multiply<T, by_rows, by_columns> : multiply<T, by_rows, by_rows>);
  function(size, a, b, y, y_step);
}

}  // namespace

template <class T>
void general_product(ProductSize size, Matrix<T> a, Matrix<T> b, T* y, int64_t y_step) {
  constexpr int64_t group =
      4;  // rows that Eigen's kernel takes at once; it adds up single ones in another order
  auto [rows, columns, inner] = size;
  int64_t grouped = rows / group * group, rest = rows - grouped;
  if (grouped > 0) multiply({grouped, columns, inner}, a, b, y, y_step);
  if (rest == 0) return;
  std::vector<T> last(group * inner), sums(group * columns);
  for (int64_t row = 0; row < rest; ++row)
    for (int64_t k = 0; k < inner; ++k) last[row * inner + k] = *a.at(grouped + row, k);
  multiply({group, columns, inner}, Matrix<T>{last.data(), inner}, b, sums.data(), columns);
  for (int64_t row = 0; row < rest; ++row)
    std::copy_n(&sums[row * columns], columns, y + (grouped + row) * y_step);
}

template void general_product(ProductSize, Matrix<float>, Matrix<float>, float*, int64_t);
template void general_product(ProductSize, Matrix<double>, Matrix<double>, double*, int64_t);

}  // namespace manul::cpu
