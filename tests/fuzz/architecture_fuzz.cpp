#include <stdexcept>

#include "manul/framework/config/json.h"
#include "manul/models/graph/model.h"
#include "manul/models/keras/architecture.h"
#include "manul/tests/fuzz/fuzz.h"

namespace manul::fuzz {
namespace {

/// A model_config as JSON; its first byte says which Keras wrote it.
void read_architecture(Bytes bytes) {
  if (bytes.empty()) return;
  std::string text(bytes.begin() + 1, bytes.end());
  accept_or_refuse([&] {
    Config config = parse_json(text);
    if (std::string written = json_text(config); json_text(parse_json(written)) != written)
      throw std::logic_error("JSON that was written reads as something else");
    keras::Architecture network = keras::read_architecture(config, 1 + bytes[0] % 3);
    // What was read is written so that it reads as the same.
    Config again = keras::architecture_config(network.graph);
    if (json_text(keras::architecture_config(keras::read_architecture(again, 2).graph)) != json_text(again))
      throw std::logic_error("an architecture that was written reads as something else");
  });
}

const Registration registered({"architecture",
                               read_architecture,
                               {"{\"class_name\": \"",
                                "\"config\": {",
                                "\"layers\": [",
                                "\"inbound_nodes\": [[[",
                                "\"name\": \"",
                                "Functional",
                                "Sequential",
                                "InputLayer",
                                "Dense",
                                "Conv2D",
                                "MaxPooling2D",
                                "Flatten",
                                "Dropout",
                                "BatchNormalization",
                                "Add",
                                "\"activation\": \"relu\"",
                                "\"units\": ",
                                "\"filters\": ",
                                "\"kernel_size\": [3, 3]",
                                "\"strides\": [1, 1]",
                                "\"padding\": \"same\"",
                                "\"batch_input_shape\": [null, 8, 8, 3]",
                                "\\u0000",
                                "1e999",
                                "9223372036854775807"}});

}  // namespace
}  // namespace manul::fuzz
