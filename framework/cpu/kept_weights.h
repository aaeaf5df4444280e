#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "manul/framework/tensor.h"

namespace manul::cpu {

/// What kernels computed from weights alone (a convolution's in the order in which they are read), for runs
/// that find the same weights again.
class KeptWeights {
 public:
  /// While one lives, this thread's kernels look into `kept` and add to it. At its end what none of them
  /// asked for is dropped.
  class Scope {
   public:
    explicit Scope(KeptWeights& kept);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    KeptWeights* outer_;
  };

  /// Whether this thread's kernels may keep something.
  static bool any();
  /// Memory of `elements` of the weights' dtype that `fill(data)` wrote: now, or for an earlier call with the
  /// same arguments since which nobody has written to the weights. `data`: the address of the first one that
  /// is used; `how`: all else that decides what is computed.
  template <class T, class Fill>
  static Tensor get(const Tensor& weights, const T* data, std::span<const int64_t> how, int64_t elements,
                    Fill&& fill) {
    Tensor own;
    Tensor& place = any() ? find(weights, data, how) : own;
    if (!place.defined()) {
      place = Tensor::empty({elements}, weights.dtype());
      fill(place.mutable_data<T>());
    }
    return place;
  }

  void clear() { entries_.clear(); }

 private:
  struct Entry {
    Tensor made;
    bool used = false;
  };
  /// The place in the innermost scope, undefined if it is new.
  static Tensor& find(const Tensor& weights, const void* data, std::span<const int64_t> how);

  std::map<std::vector<int64_t>, Entry> entries_;
};

}  // namespace manul::cpu
