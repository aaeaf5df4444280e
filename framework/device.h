#pragma once

#include <string>
#include <string_view>

namespace manul {

/// Where a tensor's memory lies and its kernels run.
struct Device {
  enum class Kind { cpu, cuda };
  Kind kind = Kind::cpu;
  int index = 0;

  static constexpr Device cpu() { return {}; }
  static constexpr Device cuda(int index = 0) { return {Kind::cuda, index}; }

  /// "cpu", "cuda", "cuda:1", or "auto": the first GPU if it works, otherwise the CPU. Throws
  /// ErrorKind::device with the reason if the device cannot be used, ErrorKind::usage for any other text.
  static Device parse(std::string_view text);

  bool is_cpu() const { return kind == Kind::cpu; }
  bool is_cuda() const { return kind == Kind::cuda; }
  /// "cpu" or "cuda:0"
  std::string name() const;

  bool operator==(const Device&) const = default;
};

/// Lets products and convolutions on a GPU round their f32 inputs to TF32 (10 bits of mantissa) for its
/// tensor cores. Off until asked for; to be set before the first step. Without effect on the CPU.
void allow_tf32(bool allowed);

}  // namespace manul
