#include "manul/tools/support/memory.h"

#include "manul/framework/error.h"

namespace manul {

void require_memory(std::string_view what, int64_t bytes) {
  constexpr double gigabyte = 1e9;
  int64_t available = available_memory();
  check(bytes <= available, "{}: {:.1f} GB of memory are needed, and {:.1f} GB are free", what,
        static_cast<double>(bytes) / gigabyte, static_cast<double>(available) / gigabyte);
}

}  // namespace manul
