#include "manul/layers/reshaping.h"

#include <algorithm>

#include "manul/ops/shape/shape_ops.h"

namespace manul {

Tensor Flatten::call(const Tensor& x) const {
  return flatten(x);
}

Shape Reshape::output_shape(const Shape& input) const {
  std::vector<int64_t> lengths = target_shape;
  int64_t known = 1;
  for (int64_t length : lengths)
    if (length != -1 && known <= input.elements()) known *= std::min(length, input.elements() + 1);
  auto open = std::find(lengths.begin(), lengths.end(), -1);
  if (open != lengths.end() && known > 0 && input.elements() % known == 0) *open = input.elements() / known;
  bool fits = std::find(lengths.begin(), lengths.end(), -1) == lengths.end() &&
              lengths.size() < static_cast<size_t>(Shape::max_rank) &&
              Shape(lengths).elements() == input.elements();
  check(fits, "{}: samples {} do not have the elements of the shape {}", name, input,
        OptionType<std::vector<int64_t>>::write(target_shape).text());
  return Shape(lengths);
}

Tensor Reshape::call(const Tensor& x) const {
  return reshape(x, output_shape(x.shape().sample()).batch_of(x.shape()[0]));
}

Shape Permute::output_shape(const Shape& input) const {
  std::vector<int64_t> sorted = dims, lengths;
  std::sort(sorted.begin(), sorted.end());
  bool is_permutation = static_cast<int>(dims.size()) == input.rank();
  for (size_t i = 0; i < sorted.size(); ++i) is_permutation &= sorted[i] == static_cast<int64_t>(i) + 1;
  check(is_permutation, "{}: the dims {} do not name each of the axes 1 to {} of samples {} once", name,
        OptionType<std::vector<int64_t>>::write(dims).text(), input.rank(), input);
  for (int64_t axis : dims) lengths.push_back(input[static_cast<int>(axis) - 1]);
  return Shape(lengths);
}

Tensor Permute::call(const Tensor& x) const {
  std::vector<int> axes{0};
  axes.insert(axes.end(), dims.begin(), dims.end());
  return transpose(x, axes);
}

Tensor RepeatVector::call(const Tensor& x) const {
  return repeat(expand_dims(x, 1), n, 1);
}

template class LayerOf<Flatten>;
template class LayerOf<Reshape>;
template class LayerOf<Permute>;
template class LayerOf<RepeatVector>;

}  // namespace manul
