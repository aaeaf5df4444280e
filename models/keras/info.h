#pragma once

#include <string>
#include <utility>
#include <vector>

namespace manul::keras {

/// What can be said of a model file, whole, damaged or not supported.
struct FileInfo {
  /// {"layers", "2 Conv2D, Dense"}, .., in the order in which a reader wants it.
  std::vector<std::pair<std::string, std::string>> facts;
  /// Why no more can be said: the file is damaged, or holds no model of Keras. Empty: all is said.
  std::string problem;
  /// The table of layers, where the model can be loaded.
  std::string summary;
};

/// Never throws for what is in the file: that is a fact or the problem. The model is loaded to find out what
/// can be done with it. Throws ErrorKind::model_file where there is no file.
FileInfo file_info(const std::string& path);

}  // namespace manul::keras
