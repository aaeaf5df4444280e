#pragma once

#include <string>
#include <vector>

namespace manul {

/// Those of `names` that look most like `wrong`, the nearest first: at most `most`, of those that differ in
/// at most `letters` letters or contain `wrong`.
std::vector<std::string> near_names(const std::string& wrong, const std::vector<std::string>& names,
                                    size_t letters, size_t most);

}  // namespace manul
