#include "manul/tools/support/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace manul {
namespace {

constexpr size_t columns = 80;

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string names_of(const CLI::Option& option, bool is_positional) {
  if (is_positional) return option.get_name(true);
  return replaced(replaced(option.get_name(false, true), "{false}", ""), ",", ", ");
}

}  // namespace

std::string wrapped(const std::string& text, size_t width) {
  std::string lines, word;
  size_t used = 0;
  for (std::istringstream words(text); words >> word;) {
    bool fits = used == 0 || used + 1 + word.size() <= width;
    if (used > 0) lines += fits ? ' ' : '\n';
    used = fits && used > 0 ? used + 1 + word.size() : word.size();
    lines += word;
  }
  return lines;
}

ValueForm value_of(const CLI::Option& option) {
  if (option.get_type_size() == 0) return {};
  std::string type = option.get_type_name(), choices;
  if (size_t colon = type.find(':'); colon != std::string::npos) {
    choices = replaced(type.substr(colon + 1), ",", ", ");
    std::erase_if(choices, [](char c) { return c == '{' || c == '}'; });
    type.resize(colon);
  }
  if (type == "INT" || type == "UINT") type = "N";
  if (type == "FLOAT") type = "X";
  if (!choices.empty()) type = "NAME";
  if (option.get_type_size() > 1) type += " " + type;
  return {type, choices};
}

HelpFormatter::HelpFormatter() {
  column_width(30);
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  ValueForm value = value_of(*option);
  std::string name = "  " + names_of(*option, is_positional);
  if (!is_positional && !value.placeholder.empty()) name += " " + value.placeholder;
  if (option->get_expected_max() > 1 && is_positional) name += " ...";
  std::string text = option->get_description();
  if (!value.choices.empty()) text += ": " + value.choices;
  if (std::string otherwise = option->get_default_str(); !otherwise.empty()) text += " [" + otherwise + "]";
  std::string margin(column_width_, ' ');
  text = replaced(wrapped(text, columns - column_width_), "\n", "\n" + margin);
  std::string gap =
      name.size() + 2 <= column_width_ ? std::string(column_width_ - name.size(), ' ') : "\n" + margin;
  return name + gap + text + "\n";
}

/// The examples as they stand, and the purpose below them.
std::string HelpFormatter::make_description(const CLI::App* app) const {
  std::istringstream lines(app->get_description());
  std::string text;
  for (std::string line; std::getline(lines, line);)
    text += (line.starts_with(' ') ? line : wrapped(line, columns)) + "\n";
  return text + "\n";
}

}  // namespace manul
