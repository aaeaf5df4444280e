#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

// Readers that are given the bytes of strangers. What they do not take they must refuse with an Error;
// another exception, a fault of memory, undefined behaviour or no end is a bug. libFuzzer calls them with
// bytes of its own making (tools/fuzz.sh), the tests with the files of corpus/NAME.
namespace manul::fuzz {

using Bytes = std::span<const uint8_t>;

struct Target {
  std::string name;  // of its folder in corpus/
  void (*run)(Bytes bytes);
  std::vector<std::string> words;  // of the inputs' language, which mutations put in
};

/// All targets, each of a file of its own.
const std::vector<Target>& targets();

/// Puts a target into the table before main().
struct Registration {
  explicit Registration(Target target);
};

/// Calls `body`; an Error is a right answer.
void accept_or_refuse(const std::function<void()>& body);

/// Bytes that can be opened by a path, as a file that no folder has.
class MemoryFile {
 public:
  explicit MemoryFile(Bytes bytes);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const;

 private:
  int descriptor_;
};

}  // namespace manul::fuzz
