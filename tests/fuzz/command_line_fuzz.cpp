#include <algorithm>
#include <sstream>

#include "manul/tests/fuzz/fuzz.h"
#include "manul/tools/support/train_options.h"

namespace manul::fuzz {
namespace {

/// The arguments of train_catdog, one a line.
void read_command_line(Bytes bytes) {
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  std::vector<std::string> arguments;
  for (std::string line; std::getline(text, line);) arguments.push_back(line);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  Program program("train_catdog", "", "");
  TrainCommand command(program);
  accept_or_refuse([&] {
    try {
      program.options().parse(arguments);
    } catch (const CLI::ParseError&) {
      return;  // a sentence and exit code 2
    }
    TrainingState state;
    command.save(state);
    command.take_from(state);
  });
}

const Registration registered({"command_line",
                               read_command_line,
                               {"--epochs\n", "--batch\n", "--lr\n", "--size\n", "--seed\n", "--data\n",
                                "--resume\n", "--patience=", "-1\n", "nan\n", "1e400\n",
                                "18446744073709551616\n", "--\n"}});

}  // namespace
}  // namespace manul::fuzz
