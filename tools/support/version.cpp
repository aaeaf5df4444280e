#include "manul/tools/support/version.h"

// A source of its own: its definitions change with every commit.
namespace manul {

const char* const manul_version = MANUL_VERSION;
const char* const manul_build = MANUL_BUILD;

}  // namespace manul
