#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "manul/framework/device.h"
#include "manul/framework/dtype.h"
#include "manul/framework/memory.h"
#include "manul/framework/shape.h"

namespace manul {

struct Leaf;

/// A shared handle on {storage, shape, dtype, device}: contiguous, row-major, images as [N, H, W, C]. Copying
/// a Tensor copies the handle. A default-constructed Tensor is undefined: it stands for "none" (no bias,
/// say), and asking for anything of it but defined() and leaf() throws ErrorKind::failed.
class Tensor {
 public:
  Tensor() = default;

  /// Memory that holds whatever was there.
  static Tensor empty(const Shape& shape, DType dtype = DType::f32, Device device = {});
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32, Device device = {});
  static Tensor full(const Shape& shape, double value, DType dtype = DType::f32, Device device = {});
  /// A copy of `values`; their count must be the shape's.
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape, Device device = {});
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape, Device device = {}) {
    return from(std::span<const T>(values), shape, device);
  }
  /// Same shape, dtype and device as `other`, uninitialised.
  static Tensor empty_like(const Tensor& other);

  bool defined() const { return body_ != nullptr; }
  /// Whether both are handles on the same tensor.
  bool is(const Tensor& other) const { return body_ == other.body_; }
  const Shape& shape() const { return body().shape; }
  DType dtype() const { return body().dtype; }
  Device device() const { return body().storage->device; }
  int64_t elements() const { return body().shape.elements(); }
  size_t bytes() const { return static_cast<size_t>(elements() * size_of(dtype())); }

  /// The elements, in memory of device(), to be read, or also written, by the op that asks for them; a kernel
  /// on a GPU must be given no address from elsewhere. Throws if T is not the tensor's dtype.
  template <class T>
  const T* data() const {
    require_dtype(dtype_of<T>);
    if (!device().is_cpu()) note_access(false);
    return static_cast<const T*>(address());
  }
  template <class T>
  T* mutable_data() const {
    require_dtype(dtype_of<T>);
    if (!device().is_cpu()) note_access(true);
    return static_cast<T*>(raw());
  }
  /// The same as unsigned integers of the elements' size: to be moved, whatever they mean. Throws if T has
  /// another size.
  template <class T>
  const T* bits() const {
    require_size(sizeof(T));
    if (!device().is_cpu()) note_access(false);
    return static_cast<const T*>(address());
  }
  template <class T>
  T* mutable_bits() const {
    require_size(sizeof(T));
    if (!device().is_cpu()) note_access(true);
    return static_cast<T*>(raw());
  }
  /// The address alone, to be read from or looked at.
  const void* raw_data() const { return address(); }
  /// The same to be written to.
  void* raw() const {
    std::atomic<bool>& touched = body().storage->touched;
    if (!touched.load(std::memory_order_relaxed)) touched.store(true, std::memory_order_relaxed);
    return address();
  }
  /// Whether the memory may have been written to since it was made, or since set_untouched().
  bool touched() const { return body().storage->touched.load(std::memory_order_relaxed); }
  void set_untouched() const { body().storage->touched.store(false, std::memory_order_relaxed); }
  /// A number that no other memory has and that is another one after mutable_data() or raw() was called for
  /// the memory: whoever keeps what was computed from it compares. What captured steps write is not seen, see
  /// TrainStep::writes().
  uint64_t version() const { return body().storage->version(); }

  /// The same memory under another shape with as many elements; no gradient flows through it
  /// (ops/shape/shape_ops.h has the differentiable reshape).
  Tensor view(const Shape& shape) const;
  /// The same memory from element `first` on, contiguous, as `shape`; no gradient flows through it.
  Tensor range(int64_t first, const Shape& shape) const;
  /// A copy on `device`; the tensor itself if it is there already.
  Tensor to(Device device) const;
  /// A copy of the values, converted to f32, f64 or bf16; the tensor itself if it has that dtype already. No
  /// gradient flows through it (cast() of ops/pointwise/pointwise.h is differentiable).
  Tensor to(DType dtype) const;
  Tensor clone() const;
  /// Overwrites the values with those of `source`: same shape and dtype, any device.
  void copy_from(const Tensor& source) const;
  void fill_zero() const;

  /// The elements in row-major order, copied to the host.
  template <class T>
  std::vector<T> to_vector() const;
  /// The only element, copied to the host.
  template <class T>
  T item() const;

  /// Makes this tensor a leaf whose gradient the tape writes to `gradient` (same shape, dtype, device).
  void watch(const Tensor& gradient) const;
  /// From now on no gradient of this tensor is computed.
  void unwatch() const;
  /// The leaf's gradient record, or null. See framework/tape.h.
  Leaf* leaf() const { return body_ ? body_->leaf.get() : nullptr; }

 private:
  friend class Tape;
  struct Body {
    std::shared_ptr<Storage> storage;
    size_t offset = 0;  // bytes
    Shape shape;
    DType dtype = DType::f32;
    std::shared_ptr<Leaf> leaf;
    uint64_t tape = 0;  // serial number of the tape that knows this tensor, and its place there
    int slot = -1;
  };

  const Body& body() const {
    if (!body_) fail_undefined();
    return *body_;
  }
  [[noreturn]] static void fail_undefined();
  void* address() const { return body().storage->data + body().offset; }
  void require_dtype(DType wanted) const;
  void require_size(size_t wanted) const;
  void note_access(bool write) const;
  static Tensor make(std::shared_ptr<Storage> storage, size_t offset, const Shape& shape, DType dtype);

  std::shared_ptr<Body> body_;
};

/// Takes a gradient on the CPU in ranges, as they are made.
struct GradientTaker {
  /// Elements [first, first + count); `values` points to the first of them, in the leaf's dtype. Called by
  /// several threads at once, for ranges that do not overlap.
  std::function<void(int64_t first, int64_t count, const void* values)> take;
  /// Element 0 of each buffer that take() reads or writes at the same places: whoever computes a range may
  /// prefetch them.
  std::vector<const void*> buffers = {};

  explicit operator bool() const { return take != nullptr; }
};

/// Where the gradient of a watched tensor goes.
struct Leaf {
  Tensor gradient;
  /// True from the first backward() that reached the leaf until an optimizer used the gradient.
  bool fresh = false;
  /// Set while an optimizer takes gradients as they are made (Optimizer::minimize); `taken` is true once all
  /// elements went there instead of to `gradient`.
  GradientTaker taker;
  bool taken = false;
  /// How often a backward pass has written to `gradient`.
  uint64_t writes = 0;
  /// Of the last backward pass that asked for certain gradients, this one among them.
  uint64_t asked_by = 0;
};

}  // namespace manul
