#include "manul/tests/op_check.h"

namespace manul {

TEST_P(OpTest, AgreesWithItsReferences) {
  check_op(GetParam());
}

TEST_P(OpErrorTest, SaysWhatIsWrong) {
  check_error(GetParam());
}

}  // namespace manul
