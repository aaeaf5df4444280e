#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "manul/framework/file.h"
#include "manul/framework/module.h"
#include "manul/tests/fuzz/fuzz.h"

namespace manul::fuzz {
namespace {

std::vector<uint8_t> bytes_of(const std::filesystem::path& file) {
  return InputFile(file, ErrorKind::failed).read_all(1 << 20);
}

class Corpus : public testing::TestWithParam<Target> {};

/// Every input is read or refused, whole, cut short anywhere, and with any one byte changed (as many as time
/// allows).
TEST_P(Corpus, IsReadOrRefused) {
  std::filesystem::path folder =
      std::filesystem::path(MANUL_SOURCE_DIR) / "tests/fuzz/corpus" / GetParam().name;
  ASSERT_TRUE(std::filesystem::is_directory(folder)) << "a target needs inputs to begin with: " << folder;
  int inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().filename());
    std::vector<uint8_t> bytes = bytes_of(entry.path());
    EXPECT_NO_THROW(GetParam().run(bytes));
    size_t step = 1 + bytes.size() / 40;
    for (size_t at = 0; at < bytes.size(); at += step) {
      EXPECT_NO_THROW(GetParam().run(std::span(bytes).first(at))) << "cut at " << at;
      uint8_t kept = std::exchange(bytes[at], static_cast<uint8_t>(bytes[at] ^ 0x80));
      EXPECT_NO_THROW(GetParam().run(bytes)) << "byte " << at << " changed";
      bytes[at] = kept;
    }
    ++inputs;
  }
  EXPECT_GT(inputs, 0);
}

/// Otherwise archives and the rarer formats are refused unread.
TEST(Modules, AreFound) {
  std::istringstream modules(MANUL_MODULES);
  for (std::string module; modules >> module;) EXPECT_FALSE(find_companion(module).empty()) << module;
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, testing::ValuesIn(targets()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace manul::fuzz
