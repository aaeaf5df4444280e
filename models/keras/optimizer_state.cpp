#include "manul/models/keras/optimizer_state.h"

#include <algorithm>
#include <set>

#include "manul/framework/error.h"

namespace manul::keras {
namespace {

const std::string group = "optimizer_weights";

/// The trained parameters in the order of the file's slots: the model's order; before 2.0.6 sorted by the
/// names of their variables.
std::vector<Parameter*> slot_order(hdf5::Reader& file, const Version& version,
                                   const std::vector<SavedLayer>& layers) {
  struct Named {
    std::string name;
    Parameter* parameter;
  };
  std::vector<Named> trained;
  std::set<const Parameter*> met;  // a layer may be in several nested models
  for (const WeightPlace& place : match_weights(file, layers))
    if (place.parameter->trainable && met.insert(place.parameter).second)
      trained.push_back({place.dataset.path, place.parameter});
  if (version.before(2, 0, 6))
    std::stable_sort(trained.begin(), trained.end(),
                     [](const Named& a, const Named& b) { return a.name < b.name; });
  std::vector<Parameter*> order;
  order.reserve(trained.size());
  for (const Named& entry : trained) order.push_back(entry.parameter);
  return order;
}

/// The new optimizers (tf.keras 2.11 on) keep the slots of one parameter together, the older ones have one
/// block a slot.
bool is_interleaved(const Config& config, const Version& version) {
  return version.major >= 3 || config.at("class_name").as_string().starts_with("Custom>") ||
         !config.at("config").get("is_legacy_optimizer", true);
}

struct StateReader {
  hdf5::Reader& file;
  std::vector<std::string> names;
  size_t next = 0;

  hdf5::Dataset take() {
    if (next == names.size()) file.refuse(group, "has fewer tensors than the optimizer needs");
    return file.dataset(names[next++]);
  }
  bool next_is_scalar() { return next < names.size() && file.dataset(names[next]).shape.rank() == 0; }
};

void read_slot(const StateReader& state, const hdf5::Dataset& dataset, const Parameter& parameter,
               const Optimizer::Slot& slot) {
  check_shape(state.file, dataset, parameter);
  read_values(state.file, dataset, parameter, slot.values.range(parameter.offset, parameter.shape));
}

}  // namespace

void read_optimizer_state(hdf5::Reader& file, const Config& config, const Version& version,
                          const std::vector<SavedLayer>& layers, Model& model) {
  StateReader state{file, optimizer_tensors(file)};
  StepState step = model.state().read();
  if (state.next_is_scalar()) step.iteration = static_cast<int64_t>(file.scalar(state.take().path));
  if (version.major >= 3 && state.next_is_scalar()) step.learning_rate = file.scalar(state.take().path);
  if (step.iteration < 0 || step.iteration > (int64_t{1} << 53))
    file.refuse(group, fmt::format("has an impossible number of steps, {}", step.iteration));
  model.state().write(step);

  const std::vector<Optimizer::Slot>& slots = model.optimizer().slots();
  bool untrained = state.next == state.names.size();
  if (slots.empty() || untrained) return;
  std::vector<Parameter*> parameters = slot_order(file, version, layers);
  if (is_interleaved(config, version)) {
    for (const Parameter* parameter : parameters)
      for (const Optimizer::Slot& slot : slots) read_slot(state, state.take(), *parameter, slot);
  } else {
    for (const Optimizer::Slot& slot : slots)
      for (const Parameter* parameter : parameters) read_slot(state, state.take(), *parameter, slot);
  }
  // Adam of Keras 2.1.3 to 2.3.1 writes a third slot that it does not use.
  size_t left = state.names.size() - state.next;
  if (left != 0 && left != parameters.size())
    file.refuse(group, fmt::format("has {} tensors more than the optimizer needs", left));
}

void write_optimizer(hdf5::Group& group, const Model& model) {
  std::string optimizer = model.optimizer().class_name();
  std::vector<std::string> names{optimizer + "/iter:0"};
  group.add(names[0], {}, std::vector<int64_t>{model.state().read().iteration});
  for (const Optimizer::Slot& slot : model.optimizer().slots()) {
    std::set<const Parameter*> met;
    for (const SavedLayer& layer : saved_layers(model.graph())) {
      for (const auto& [path, parameter] : saved_weights(layer)) {
        if (!parameter->trainable || !met.insert(parameter).second) continue;
        // The layers of a nested model may be called as others are.
        std::string scope = layer.layers.size() > 1 ? file_name(layer.name) + "/" : "";
        names.push_back(fmt::format("{}/{}{}/{}:0", optimizer, scope, path, slot.name));
        Tensor values = slot.values.range(parameter->offset, parameter->shape);
        group.add(names.back(), file_shape(*parameter), file_values(*parameter, values));
      }
    }
  }
  group.set_names("weight_names", names);
}

}  // namespace manul::keras
