#pragma once

#include <cstdlib>

#include "manul/tests/temporary_folder.h"

namespace manul {

/// docs/`name`, which is made from tables of the library, is `text`; with MANUL_UPDATE_DOCS=1 it is written
/// first.
inline void expect_documentation_page(const std::string& name, const std::string& text) {
  std::filesystem::path path = std::filesystem::path(MANUL_SOURCE_DIR) / "docs" / name;
  if (std::getenv("MANUL_UPDATE_DOCS")) write_file(path, text);
  EXPECT_EQ(read_file(path), text) << "MANUL_UPDATE_DOCS=1 writes the page anew";
}

}  // namespace manul
