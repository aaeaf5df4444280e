#include "manul/testing/op_check.h"

namespace manul {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OpTest);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OpErrorTest);

TEST_P(OpTest, AgreesWithItsReferences) {
  check_op(GetParam());
}

TEST_P(OpErrorTest, SaysWhatIsWrong) {
  check_error(GetParam());
}

}  // namespace manul
