#pragma once

#include <cuda_runtime_api.h>

#include <utility>

/// Runs an expression of the CUDA runtime and throws ErrorKind::device with its text and the reason if it
/// fails.
#define MANUL_CHECK_CUDA(expression) ::manul::cuda::check_status(expression, #expression)

namespace manul::cuda {

/// Throws unless `status` is cudaSuccess; `expression` is what was run.
void check_status(cudaError_t status, const char* expression);

/// Owns one object of CUDA, cuBLAS or cuDNN and gives it to `destroy` at the end.
template <class Object, class Status>
class Handle {
 public:
  Handle() = default;
  Handle(Object object, Status (*destroy)(Object)) : object_(object), destroy_(destroy) {}
  ~Handle() {
    if (object_) destroy_(object_);
  }
  Handle(Handle&& other) noexcept
      : object_(std::exchange(other.object_, Object{})), destroy_(other.destroy_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(object_, other.object_);
    std::swap(destroy_, other.destroy_);
    return *this;
  }

  Object get() const { return object_; }

 private:
  Object object_{};
  Status (*destroy_)(Object) = nullptr;
};

}  // namespace manul::cuda
