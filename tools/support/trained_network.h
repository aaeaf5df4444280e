#pragma once

#include "manul/models/graph/model.h"
#include "manul/tools/support/train_options.h"

namespace manul {

/// A network as it is before the first step.
struct NewNetwork {
  Model model;                       // compiled
  std::vector<std::string> remarks;  // what a user should read about it, a sentence each
};

/// The network that the options ask for, with an output for `names`, the classes or columns: compiled, with
/// --weights loaded and --freeze done. Options that were left to the network are filled in: size, gray,
/// learning rate. `steps`: of an epoch. Throws ErrorKind::usage where the options do not fit the network.
NewNetwork new_network(TrainCommand& command, const std::vector<std::string>& names, int64_t steps,
                       Device device);

}  // namespace manul
