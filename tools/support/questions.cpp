#include "manul/tools/support/questions.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>

#include "manul/data/datasets/image_folder.h"
#include "manul/framework/file_system.h"

namespace manul {
namespace {

namespace fs = std::filesystem;
using Ask = std::function<void(const Question&)>;

bool is_missing(const std::string& path) {
  try {
    return file_type(path, ErrorKind::data) == FileType::missing;
  } catch (const Error&) {
    return false;
  }
}

void ask_about_folder(const std::string& folder, const Ask& ask) {
  std::vector<fs::path> found;
  try {
    found = ImageFolder::pictures_below(folder);
    if (found.empty()) return ask({folder, folder + ": there are no pictures in this folder"});
  } catch (const Error& error) {
    return ask({folder, error.what()});
  }
  for (const fs::path& file : found) ask({file.string(), ""});
}

void ask_about(const std::string& argument, const Ask& ask) {
  if (is_folder(argument)) return ask_about_folder(argument, ask);
  if (!is_pattern(argument) || !is_missing(argument)) return ask({argument, ""});
  std::vector<fs::path> files = files_that_fit(argument);
  if (files.empty()) ask({argument, argument + ": no file fits this pattern"});
  for (const fs::path& file : files)
    is_folder(file) ? ask_about_folder(file.string(), ask) : ask({file.string(), ""});
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string singular(const std::string& name) {
  std::string text = lower(name);
  if (text.size() > 1 && text.ends_with('s')) text.pop_back();
  return text;
}

}  // namespace

void for_each_question(const std::vector<std::string>& arguments, const Ask& ask) {
  for (const std::string& argument : arguments) {
    if (argument != "-") {
      ask_about(argument, ask);
      continue;
    }
    bool any = false;
    for (std::string line; std::getline(std::cin, line);)
      if (!line.empty()) {
        any = true;
        ask_about(line, ask);
      }
    if (!any) ask({argument, "-: no names of pictures came on stdin"});
  }
}

bool is_single_picture(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1 || arguments[0] == "-" || is_folder(arguments[0])) return false;
  return !is_pattern(arguments[0]) || !is_missing(arguments[0]);
}

std::optional<size_t> label_of(const std::string& file, const std::vector<std::string>& class_names,
                               LabelsFrom from) {
  fs::path path(file);
  std::string name =
      lower(from == LabelsFrom::name ? path.filename().string() : path.parent_path().filename().string());
  std::optional<size_t> best;
  size_t longest = 0;
  for (size_t i = 0; i < class_names.size() && from != LabelsFrom::none; ++i) {
    std::string word = singular(class_names[i]);
    bool fits = from == LabelsFrom::folder ? singular(name) == word : name.starts_with(word);
    // "cat.1.jpg", "cats-1.jpg" and "cat1.jpg", not "category.jpg".
    std::string rest = fits ? name.substr(std::min(word.size(), name.size())) : "";
    if (from == LabelsFrom::name && rest.starts_with('s')) rest.erase(0, 1);
    if (from == LabelsFrom::name && !rest.empty() && std::isalpha(static_cast<unsigned char>(rest[0])))
      fits = false;
    if (!fits || word.size() < longest) continue;
    best = i;
    longest = word.size();
  }
  return best;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  std::string field = "\"";
  for (char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + "\"";
}

}  // namespace manul
