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

/// The table of docs/`name` behind the line "<!-- MARK -->" is `table`: lines that begin with '|'.
inline void expect_documentation_table(const std::string& name, const std::string& mark,
                                       const std::string& table) {
  std::string page = read_file(std::filesystem::path(MANUL_SOURCE_DIR) / "docs" / name);
  std::string line = "<!-- " + mark + " -->\n";
  size_t at = page.find(line);
  ASSERT_NE(at, std::string::npos) << "docs/" << name << " has no " << line;
  size_t begin = at + line.size(), end = begin;
  while (end < page.size() && page[end] == '|') end = page.find('\n', end) + 1;
  expect_documentation_page(name, page.replace(begin, end - begin, table));
}

}  // namespace manul
