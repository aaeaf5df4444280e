#include "manul/models/graph/sequential.h"
#include "manul/models/keras/h5.h"
#include "manul/tests/fuzz/fuzz.h"

namespace manul::fuzz {
namespace {

/// A file of any format, as predict, a resumed training and load_weights() read it.
void read_model(Bytes bytes) {
  MemoryFile file(bytes);
  accept_or_refuse([&] { Model::load(file.path()).summary(); });
  accept_or_refuse([&] {
    Sequential model({4, 4, 1});
    model.add(Flatten{});
    model.add(Dense{.units = 2});
    load_weights(model, file.path());
  });
}

const Registration registered({"model_file",
                               read_model,
                               {"TREE", "SNOD", "HEAP", "GCOL", "model_config", "layer_names", "weight_names",
                                "\"class_name\": \"", "\"config\": {", "\"inbound_nodes\": [", "Functional",
                                "Sequential", "Dense", "Conv2D", "Flatten", "batch_input_shape", "null", "-1",
                                "1e308"}});

}  // namespace
}  // namespace manul::fuzz
