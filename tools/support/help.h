#pragma once

#include <CLI/CLI.hpp>

namespace manul {

/// --help in 80 columns: names and a placeholder, then the description, the choices and the default.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_description(const CLI::App* app) const override;
};

/// What an option takes: "N", "FILE", "nearest, bilinear"; empty for a flag.
struct ValueForm {
  std::string placeholder, choices;
};
ValueForm value_of(const CLI::Option& option);

/// `text` in lines of at most `width` characters, broken at spaces.
std::string wrapped(const std::string& text, size_t width);

}  // namespace manul
