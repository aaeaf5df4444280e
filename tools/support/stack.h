#pragma once

#include <functional>

namespace manul {

/// Runs `body` with a stack that suffices, and lets threads have one, where `ulimit -s` allows less than a
/// megabyte: in a thread with a stack of its own. Throws ErrorKind::failed with both numbers if there can be
/// none.
int run_with_stack(const std::function<int()>& body);

}  // namespace manul
