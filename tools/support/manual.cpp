#include "manul/tools/support/manual.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <utility>
#include <vector>

#include "manul/framework/error.h"
#include "manul/tools/support/help.h"

namespace manul {
namespace {

std::string escaped(const std::string& text, std::string_view special, const char* by) {
  std::string result;
  for (char c : text) {
    if (special.find(c) != std::string_view::npos) result += by;
    result += c;
  }
  return result;
}

/// Text of a manual page: a backslash, a minus, and a dot or an apostrophe at the beginning of a line mean
/// more there.
std::string roff(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else
      result += c;
  }
  return result.starts_with('.') || result.starts_with('\'') ? "\\&" + result : result;
}

std::vector<std::string> split(const std::string& text, const std::string& separators) {
  std::vector<std::string> words;
  std::string word;
  for (char c : text) {
    if (separators.find(c) == std::string::npos) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, ""));
    }
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  for (const std::string& name : option.get_fnames())
    if (std::string full = "--" + name; std::find(names.begin(), names.end(), full) == names.end())
      names.push_back(full);
  return names;
}

std::vector<const CLI::Option*> options_of(const CLI::App& app, bool positional) {
  return app.get_options([=](const CLI::Option* option) {
    return !option->get_group().empty() && option->get_positional() == positional;
  });
}

/// The purpose: what follows the examples in a program's description.
std::string purpose_of(const CLI::App& app) {
  std::string text = app.get_description();
  size_t at = text.rfind('\n');
  return at == std::string::npos ? text : text.substr(at + 1);
}

std::string examples_of(const CLI::App& app) {
  std::string examples;
  std::istringstream lines(app.get_description());
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("  ")) examples += roff(line.substr(2)) + "\n";
  return examples;
}

std::string entry(const CLI::Option& option, const std::string& names) {
  ValueForm value = value_of(option);
  std::string text = option.get_description();
  if (!value.choices.empty()) text += ": " + value.choices;
  if (!option.get_default_str().empty()) text += fmt::format(" (default: {})", option.get_default_str());
  return fmt::format(".TP\n{}\n{}.\n", names, roff(text));
}

/// Whether the value that is shown so is the name of a file or a folder.
bool names_file(const std::string& placeholder) {
  return placeholder.ends_with("FILE") || placeholder == "DIR" || placeholder == "PATH";
}

std::string zsh_action(const ValueForm& value) {
  if (!value.choices.empty()) return fmt::format("({})", fmt::join(split(value.choices, ", "), " "));
  if (value.placeholder == "DIR") return "_files -/";
  return names_file(value.placeholder) ? "_files" : " ";
}

std::string bash_completion(const CLI::App& app) {
  std::string program = app.get_name(), all, cases;
  for (const CLI::Option* option : options_of(app, false)) {
    std::vector<std::string> names = names_of(*option);
    for (const std::string& name : names) all += " " + name;
    std::string choices = fmt::format("{}", fmt::join(split(value_of(*option).choices, ", "), " "));
    std::string placeholder = value_of(*option).placeholder, how;
    if (!choices.empty())
      how = fmt::format("-W \"{}\"", choices);
    else if (placeholder == "DIR")
      how = "-d";
    else if (placeholder.empty() || names_file(placeholder))
      continue;  // what completes other words serves these
    cases += how.empty() ? fmt::format("    {}) COMPREPLY=(); return ;;\n", fmt::join(names, "|"))
                         : fmt::format("    {}) COMPREPLY=($(compgen {} -- \"$current\")); return ;;\n",
                                       fmt::join(names, "|"), how);
  }
  return fmt::format(
      "_{0}() {{\n"
      "  local current=\"${{COMP_WORDS[COMP_CWORD]}}\"\n"
      "  case \"${{COMP_WORDS[COMP_CWORD-1]}}\" in\n{1}    *) ;;\n  esac\n"
      "  if [[ $current == -* ]]; then\n    COMPREPLY=($(compgen -W \"{2}\" -- \"$current\"))\n"
      "  else\n    COMPREPLY=($(compgen -f -- \"$current\"))\n  fi\n}}\n"
      "complete -o filenames -F _{0} {0}\n",
      program, cases, all.substr(std::min<size_t>(1, all.size())));
}

std::string zsh_completion(const CLI::App& app) {
  std::string text = fmt::format("#compdef {}\n_arguments -s", app.get_name());
  for (const CLI::Option* option : options_of(app, false)) {
    ValueForm value = value_of(*option);
    std::string action;
    if (!value.placeholder.empty()) action = fmt::format(":{}:{}", value.placeholder, zsh_action(value));
    std::string description = escaped(option->get_description(), "[]:\\", "\\");
    std::erase(description, '\'');
    for (const std::string& name : names_of(*option))
      text += fmt::format(" \\\n  '{}[{}]{}'", name, description, action);
  }
  return text + " \\\n  '*:file:_files'\n";
}

std::string fish_completion(const CLI::App& app) {
  std::string text;
  for (const CLI::Option* option : options_of(app, false)) {
    ValueForm value = value_of(*option);
    std::string names;
    for (const std::string& name : option->get_snames()) names += " -s " + name;
    for (const std::string& name : names_of(*option))
      if (name.starts_with("--")) names += " -l " + name.substr(2);
    if (!value.placeholder.empty()) names += names_file(value.placeholder) ? " -r -F" : " -x";
    if (!value.choices.empty()) names += fmt::format(" -a '{}'", fmt::join(split(value.choices, ", "), " "));
    text += fmt::format("complete -c {}{} -d '{}'\n", app.get_name(), names,
                        escaped(option->get_description(), "'\\", "\\"));
  }
  return text;
}

}  // namespace

std::string manual_page(const CLI::App& app, const std::string& version) {
  std::string name = app.get_name(), upper = name, positionals, text;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  for (const CLI::Option* option : options_of(app, true)) {
    positionals += fmt::format(" \\fI{}\\fR", option->get_name(true));
    text += entry(*option, fmt::format("\\fI{}\\fR", option->get_name(true)));
  }
  for (const std::string& each : app.get_groups()) {
    if (each.empty()) continue;
    std::string entries;
    for (const CLI::Option* option : options_of(app, false)) {
      if (option->get_group() != each) continue;
      std::string value = value_of(*option).placeholder, names;
      for (const std::string& option_name : names_of(*option))
        names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(option_name));
      entries += entry(*option, value.empty() ? names : names + fmt::format(" \\fI{}\\fR", value));
    }
    if (!entries.empty()) text += fmt::format(".SS {}\n{}", roff(each), entries);
  }
  return fmt::format(
      ".TH {} 1 \"\" \"{}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n\\fB{}\\fR "
      "[\\fIOPTIONS\\fR]{}\n"
      ".SH OPTIONS\n{}.SH EXAMPLES\n.nf\n{}.fi\n.SH EXIT STATUS\n"
      "0 done, 1 failed, 2 wrong usage, 3 data that cannot be used, 4 a model file that cannot be used, 5 no "
      "such "
      "device, 128 and the number of the signal that stopped it.\n",
      upper, version, name, roff(purpose_of(app)), name, positionals, text, examples_of(app));
}

std::string shell_completion(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") return bash_completion(app);
  if (shell == "zsh") return zsh_completion(app);
  if (shell == "fish") return fish_completion(app);
  fail(ErrorKind::usage, "completion: '{}' is not one of bash, zsh, fish", shell);
}

}  // namespace manul
