#pragma once

#include <string>
#include <vector>

namespace manul {

/// Called by all, with as many texts: where one process has a text and the others an empty one, all get it.
void share_texts(std::vector<std::string>& texts);

}  // namespace manul
