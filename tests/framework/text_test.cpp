#include "manul/framework/text.h"

#include <gtest/gtest.h>

namespace manul {
namespace {

TEST(Text, IsShortenedInTheMiddle) {
  EXPECT_EQ(shortened("short"), "short");
  EXPECT_EQ(shortened(std::string(200, 'a')), std::string(200, 'a'));
  EXPECT_EQ(shortened("0123456789abcdefghij", 9), "012345 .. (11 bytes) .. hij");
}

TEST(Text, CharactersStayWhole) {
  std::string umlauts;
  for (int i = 0; i < 30; ++i) umlauts += "\u00e4";
  EXPECT_EQ(shortened("x" + umlauts, 12), "x\u00e4\u00e4\u00e4 .. (50 bytes) .. \u00e4\u00e4");
}

}  // namespace
}  // namespace manul
