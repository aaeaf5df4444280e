#pragma once

#include <string>
#include <string_view>

namespace manul {

/// `text` itself where it has at most `most` bytes; otherwise its beginning and its end, with what was left
/// out counted between them. Characters of UTF-8 stay whole. For messages about what a file says.
std::string shortened(std::string_view text, size_t most = 200);

}  // namespace manul
