#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace manul {

/// The program's manual page, in man's language, made of its table of options.
std::string manual_page(const CLI::App& app, const std::string& version);

/// What completes the program's options, and the values of those that have a list, in `shell`: bash, zsh or
/// fish. Throws ErrorKind::usage for any other.
std::string shell_completion(const CLI::App& app, const std::string& shell);

}  // namespace manul
