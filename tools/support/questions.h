#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace manul {

/// What is asked about: a picture, or something that has none and why.
struct Question {
  std::string file, problem;
};

/// Calls `ask` for each picture that `arguments` name, in order: files as they are, folders as the pictures
/// below them, patterns (`holidays/*.jpg`) as the files they fit where no file has that name, and "-" as the
/// names that come on stdin, one a line, each asked about as soon as it has come.
void for_each_question(const std::vector<std::string>& arguments,
                       const std::function<void(const Question&)>& ask);

/// True if `arguments` name one picture itself.
bool is_single_picture(const std::vector<std::string>& arguments);

/// Where the true class of a picture is written.
enum class LabelsFrom { none, folder, name };

/// The class that the name of the picture's folder is (cats/x.jpg), or that its own begins with
/// (cat.4001.jpg), whatever the case and with or without the s of the plural; nothing if it is none of
/// `class_names`.
std::optional<size_t> label_of(const std::string& file, const std::vector<std::string>& class_names,
                               LabelsFrom from);

/// `text` as a field of comma-separated values.
std::string csv_field(const std::string& text);

}  // namespace manul
