#pragma once

#include <cerrno>

namespace manul {

/// The result of a call of the system, made again as long as a signal interrupts it (EINTR). Not for close(),
/// which has closed then.
template <class Call>
auto retried(const Call& call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

}  // namespace manul
