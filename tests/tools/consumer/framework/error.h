#pragma once

namespace consumer {
enum class Error { none };
}  // namespace consumer
