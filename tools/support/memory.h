#pragma once

#include <cstdint>
#include <string_view>

#include "manul/framework/available_memory.h"

namespace manul {

/// Throws ErrorKind::failed with both numbers if `what` takes more bytes than are available: systems give out
/// more memory than they have, and then kill the program that uses it.
void require_memory(std::string_view what, int64_t bytes);

}  // namespace manul
