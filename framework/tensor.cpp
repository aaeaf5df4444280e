#include "manul/framework/tensor.h"

#include <algorithm>

#include "manul/framework/elementary.h"
#include "manul/framework/error.h"

#ifdef MANUL_WITH_CUDA
#include "manul/framework/cuda/accesses.h"
#include "manul/framework/cuda/context.h"
#endif

namespace manul {

Tensor Tensor::make(std::shared_ptr<Storage> storage, size_t offset, const Shape& shape, DType dtype) {
  Tensor tensor;
  tensor.body_ = std::make_shared<Body>();
  tensor.body_->storage = std::move(storage);
  tensor.body_->offset = offset;
  tensor.body_->shape = shape;
  tensor.body_->dtype = dtype;
  return tensor;
}

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device) {
  int64_t bytes = 0;
  check(!__builtin_mul_overflow(shape.elements(), size_of(dtype), &bytes), "tensor: {} is too large", shape);
  return make(std::make_shared<Storage>(static_cast<size_t>(bytes), device), 0, shape, dtype);
}

Tensor Tensor::zeros(const Shape& shape, DType dtype, Device device) {
  Tensor tensor = empty(shape, dtype, device);
  tensor.fill_zero();
  return tensor;
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype, Device device) {
  Tensor tensor = empty(shape, dtype, device);
  fill_kernel(value, tensor);
  return tensor;
}

template <class T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape, Device device) {
  check(static_cast<int64_t>(values.size()) == shape.elements(), "tensor: {} values do not fill shape {}",
        values.size(), shape);
  Tensor tensor = empty(shape, dtype_of<T>, device);
  copy_bytes(tensor.raw(), device, values.data(), Device::cpu(), tensor.bytes());
  return tensor;
}

Tensor Tensor::empty_like(const Tensor& other) {
  return empty(other.shape(), other.dtype(), other.device());
}

void Tensor::fail_undefined() {
  fail(ErrorKind::failed, "tensor: an undefined tensor has no shape, elements or device");
}

void Tensor::require_dtype(DType wanted) const {
  check(dtype() == wanted, "tensor: {} elements of {} were asked for as {}", name_of(dtype()), shape(),
        name_of(wanted));
}

void Tensor::require_size(size_t wanted) const {
  check(static_cast<size_t>(size_of(dtype())) == wanted,
        "tensor: {} elements of {} were asked for as {} bytes each", name_of(dtype()), shape(), wanted);
}

void Tensor::note_access([[maybe_unused]] bool write) const {
#ifdef MANUL_WITH_CUDA
  cuda::Context::use(device().index).accesses().note(address(), bytes(), write);
#endif
}

Tensor Tensor::view(const Shape& shape) const {
  check(shape.elements() == elements(), "view: {} has {} elements, {} has {}", this->shape(), elements(),
        shape, shape.elements());
  return make(body_->storage, body_->offset, shape, dtype());
}

Tensor Tensor::range(int64_t first, const Shape& shape) const {
  check(first >= 0 && first + shape.elements() <= elements(), "range: {} elements from {} on leave {}",
        shape.elements(), first, this->shape());
  return make(body_->storage, body_->offset + first * size_of(dtype()), shape, dtype());
}

Tensor Tensor::to(Device device) const {
  if (device == this->device()) return *this;
  Tensor copy = empty(shape(), dtype(), device);
  copy.copy_from(*this);
  return copy;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == this->dtype()) return *this;
  check(is_float(dtype), "tensor.to: converts to f32, f64 and bf16, not to {}", name_of(dtype));
  Tensor converted = empty(shape(), dtype, device());
  convert_kernel(*this, converted);
  return converted;
}

Tensor Tensor::clone() const {
  Tensor copy = empty_like(*this);
  copy.copy_from(*this);
  return copy;
}

void Tensor::copy_from(const Tensor& source) const {
  check(source.shape() == shape() && source.dtype() == dtype(), "copy: {} {} does not fit {} {}",
        name_of(source.dtype()), source.shape(), name_of(dtype()), shape());
  copy_bytes(raw(), device(), source.raw_data(), source.device(), bytes());
}

void Tensor::fill_zero() const {
  fill_bytes(raw(), device(), 0, bytes());
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  std::vector<T> values(elements());
  copy_bytes(values.data(), Device::cpu(), data<T>(), device(), bytes());
  return values;
}

template <class T>
T Tensor::item() const {
  check(elements() == 1, "item: {} has {} elements, not one", shape(), elements());
  T value;
  copy_bytes(&value, Device::cpu(), data<T>(), device(), sizeof(T));
  return value;
}

void Tensor::watch(const Tensor& gradient) const {
  check(gradient.shape() == shape() && gradient.dtype() == dtype() && gradient.device() == device(),
        "watch: gradient {} does not fit tensor {}", gradient.shape(), shape());
  body_->leaf = std::make_shared<Leaf>();
  body_->leaf->gradient = gradient;
}

void Tensor::unwatch() const {
  body_->leaf = nullptr;
}

template Tensor Tensor::from(std::span<const float>, const Shape&, Device);
template Tensor Tensor::from(std::span<const double>, const Shape&, Device);
template Tensor Tensor::from(std::span<const bfloat16>, const Shape&, Device);
template Tensor Tensor::from(std::span<const uint8_t>, const Shape&, Device);
template Tensor Tensor::from(std::span<const int32_t>, const Shape&, Device);
template std::vector<float> Tensor::to_vector() const;
template std::vector<double> Tensor::to_vector() const;
template std::vector<bfloat16> Tensor::to_vector() const;
template std::vector<uint8_t> Tensor::to_vector() const;
template std::vector<int32_t> Tensor::to_vector() const;
template float Tensor::item() const;
template double Tensor::item() const;
template bfloat16 Tensor::item() const;
template uint8_t Tensor::item() const;
template int32_t Tensor::item() const;

}  // namespace manul
