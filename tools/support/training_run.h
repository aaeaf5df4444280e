#pragma once

#include "manul/tools/support/train_options.h"

namespace manul {

/// All that a program that trains does: parses the command line, looks at the data, trains, saves and
/// reports. Returns the exit code.
int run_training(Program& program, int argc, char** argv);

}  // namespace manul
