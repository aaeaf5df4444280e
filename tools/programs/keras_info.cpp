#include <sstream>
#include <string>

#include "manul/framework/error.h"
#include "manul/models/keras/info.h"
#include "manul/tools/support/help.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

constexpr size_t name_width = 17, text_width = 63;

/// A row of a table of 80 columns; a long text goes on below.
void print_row(const std::string& name, const std::string& text) {
  std::istringstream lines(wrapped(printable(text), text_width));
  std::string label = name;
  for (std::string line; std::getline(lines, line); label.clear())
    print_result("{:<{}}{}\n", label, name_width, line);
}

int print_info(const std::string& path, bool summary) {
  keras::FileInfo info = keras::file_info(path);
  for (const auto& [name, text] : info.facts) print_row(name, text);
  if (summary && !info.summary.empty()) print_result("\n{}", printable_lines(info.summary));
  if (!info.problem.empty()) fail(ErrorKind::model_file, "{}: {}", path, info.problem);
  return 0;
}

}  // namespace
}  // namespace manul

int main(int argc, char** argv) {
  manul::Program program("keras_info", "Shows what a Keras model file is, and what can be done with it here.",
                         "  keras_info trained_model.h5\n"
                         "  keras_info --summary model.keras\n");
  std::string path;
  bool summary = false;
  program.options().add_option("model", path, "The file: .h5, .keras or .weights.h5")->required();
  program.options().add_flag("-s,--summary", summary, "The table of layers as well");
  return program.run(argc, argv, [&] { return manul::print_info(path, summary); });
}
