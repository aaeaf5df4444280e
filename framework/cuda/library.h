#pragma once

#include <string>
#include <vector>

namespace manul::cuda {

/// A vendor's shared library, loaded when it is first needed: a program that stays on the CPU never pays for
/// it, and starts where it is missing. Stays loaded for the life of the process.
class Library {
 public:
  /// Takes the first of `names` (paths or plain file names) that loads. Throws ErrorKind::device with `title`
  /// and the loader's reason if none does.
  Library(std::string title, const std::vector<std::string>& names);

  /// The function of that name; `Function` is decltype(name) from the vendor's header.
  template <class Function>
  Function* function(const char* name) const {
    return reinterpret_cast<Function*>(address(name));
  }

 private:
  void* address(const char* name) const;

  std::string title_;
  void* library_ = nullptr;
};

}  // namespace manul::cuda
