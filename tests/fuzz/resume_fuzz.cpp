#include "manul/layers/core.h"
#include "manul/models/graph/model.h"
#include "manul/tests/fuzz/fuzz.h"

namespace manul::fuzz {
namespace {

/// Two samples.
Tensors zeros(const Model& model, const std::vector<Symbol>& symbols) {
  Tensors result;
  for (const Symbol& symbol : symbols) result.push_back(Tensor::zeros(model.graph().shape(symbol).batch_of(2)));
  return result;
}

/// A file of a training that goes on: model, optimizer, state and history. One epoch of two samples at most.
void resume_training(Bytes bytes) {
  MemoryFile file(bytes);
  accept_or_refuse([&] {
    Model model = Model::load(file.path(), {.training = true});
    Tensors x = zeros(model, model.inputs()), y = zeros(model, model.outputs());
    for (const Tensors& all : {x, y})
      for (const Tensor& tensor : all)
        if (tensor.elements() > 128) return;
    model.fit(x, y, {.epochs = 1, .batch_size = 1, .verbose = Verbose::none, .resume = true});
  });
}

const Registration registered({"resume",
                               resume_training,
                               {"\"format\": ", "\"iteration\": ", "\"position\": ", "\"seed\": ",
                                "\"history\": ", "\"first_order\": ", "training_state", "optimizer_weights",
                                "adam", "-1", "2", "1e308", "9223372036854775807", "null", "[]"}});

}  // namespace
}  // namespace manul::fuzz
