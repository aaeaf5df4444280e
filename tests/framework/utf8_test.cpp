#include "manul/framework/utf8.h"

#include <gtest/gtest.h>

namespace manul {
namespace {

TEST(Utf8, NamesOfAnyBytesComeBack) {
  for (const char* name :
       {"cats", "\xe7\x8c\xab", "caf\xe9", "\xff\xfe", "", "00", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    std::string text = utf8_of_name(name);
    EXPECT_EQ(name_of_utf8(text), name);
    for (size_t i = 0; i < text.size(); i += first_utf8_character(text.substr(i)).bytes)
      EXPECT_TRUE(first_utf8_character(text.substr(i)).valid) << name;
  }
  EXPECT_EQ(utf8_of_name("\xe7\x8c\xab"), "\xe7\x8c\xab");
  EXPECT_NE(utf8_of_name("caf\xe9"), utf8_of_name("caf\xe8"));
}

TEST(Utf8, ACharacterIsValidOnlyInItsShortestForm) {
  EXPECT_EQ(first_utf8_character("\xc2\x9b").code, 0x9b);
  EXPECT_EQ(first_utf8_character("\xf0\x9f\x90\x88!").bytes, 4);
  for (const char* text : {"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\x80", "\xe7\x8c", "\xc3("})
    EXPECT_FALSE(first_utf8_character(text).valid);
}

}  // namespace
}  // namespace manul
