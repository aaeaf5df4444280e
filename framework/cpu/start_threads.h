#pragma once

#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "manul/framework/warning.h"

namespace manul::cpu {

/// Adds threads that run body(number) to `threads` until there are `wanted`. The system may give fewer
/// (limits of a user's processes or of memory): then it goes on with those there are, even none, and the
/// warning says so; `what` is what they do. Returns false then, so that the caller does not ask again and
/// again.
template <class Body>
bool start_threads(std::vector<std::thread>& threads, int wanted, std::string_view what, Body body) {
  try {
    threads.reserve(wanted);
    for (int i = static_cast<int>(threads.size()); i < wanted; ++i)
      threads.emplace_back([body, i] { body(i); });
    return true;
  } catch (const std::system_error& error) {
    warn("only {} of {} threads for {} could be started ({}); the work goes on with them and takes longer",
         threads.size(), wanted, what, error.code().message());
    return false;
  }
}

}  // namespace manul::cpu
