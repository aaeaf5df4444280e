// The program that libFuzzer runs: MANUL_FUZZ_TARGET=NAME fuzzer CORPUS...
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "manul/tests/fuzz/fuzz.h"

using namespace manul::fuzz;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

const Target& chosen() {
  static const Target* target = [] {
    const char* name = std::getenv("MANUL_FUZZ_TARGET");
    for (const Target& one : targets())
      if (name && one.name == name) return &one;
    std::fprintf(stderr, "MANUL_FUZZ_TARGET must be one of:");
    for (const Target& one : targets()) std::fprintf(stderr, " %s", one.name.c_str());
    std::fprintf(stderr, "\n");
    std::exit(2);
  }();
  return *target;
}

/// A small generator of its own: libFuzzer's seed gives its numbers again.
struct Numbers {
  uint64_t state;
  uint64_t below(uint64_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % limit;
  }
};

/// A word of the language over what stands there.
size_t put_word(uint8_t* data, size_t size, size_t max_size, Numbers& numbers) {
  const std::string& word = chosen().words[numbers.below(chosen().words.size())];
  size_t at = numbers.below(size + 1);
  if (at + word.size() > max_size) return size;
  std::memcpy(data + at, word.data(), word.size());
  return std::max(size, at + word.size());
}

/// An 8-byte number (an address or a length of HDF5) becomes another one of the file, the file's size, or
/// nearly that.
size_t relink(uint8_t* data, size_t size, Numbers& numbers) {
  if (size < 16) return size;
  size_t at = numbers.below(size / 8) * 8, from = numbers.below(size / 8) * 8;
  uint64_t value;
  std::memcpy(&value, data + from, 8);
  const uint64_t values[] = {value,        from,      size,      size - 1,
                             ~uint64_t{0}, value + 8, value - 1, uint64_t{1} << 63};
  std::memcpy(data + at, &values[numbers.below(std::size(values))], 8);
  return size;
}

/// A number in text becomes one that programs find hard.
size_t change_number(uint8_t* data, size_t size, Numbers& numbers) {
  for (size_t tries = 0, at = size ? numbers.below(size) : 0; at < size && tries < 4096; ++at, ++tries) {
    if (data[at] < '0' || data[at] > '9') continue;
    data[at] = static_cast<uint8_t>("0129-.e"[numbers.below(7)]);
    break;
  }
  return size;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  chosen().run({data, size});
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  Numbers numbers{seed};
  switch (numbers.below(8)) {
    case 0:
      return put_word(data, size, max_size, numbers);
    case 1:
    case 2:
      return relink(data, size, numbers);
    case 3:
      return change_number(data, size, numbers);
    default:
      return LLVMFuzzerMutate(data, size, max_size);
  }
}
