#pragma once

#include <cstdint>
#include <string_view>

namespace manul {

/// Bytes that a program can take now without being killed for it: free memory and swap, within the limit of
/// the container it runs in. The largest int64_t where the system does not say.
int64_t available_memory();

/// Throws ErrorKind::failed with both numbers if `what` takes more bytes than are available: systems give out
/// more memory than they have, and then kill the program that uses it.
void require_memory(std::string_view what, int64_t bytes);

}  // namespace manul
