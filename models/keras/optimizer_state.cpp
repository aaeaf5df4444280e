#include "manul/models/keras/optimizer_state.h"

#include <algorithm>
#include <map>
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

}  // namespace

void read_optimizer_state(hdf5::Reader& file, const Config& config, const Version& version,
                          const std::vector<SavedLayer>& layers, Model& model) {
  StateReader state{file, optimizer_tensors(file)};
  StepState step = model.state().read();
  if (state.next_is_scalar()) step.iteration = static_cast<int64_t>(file.scalar(state.take().path));
  bool has_schedule = model.optimizer().learning_rate().schedule() != nullptr;
  if (version.major >= 3 && !has_schedule && state.next_is_scalar())
    step.learning_rate = file.scalar(state.take().path);
  if (step.iteration < 0 || step.iteration > (int64_t{1} << 53))
    file.refuse(group, fmt::format("has an impossible number of steps, {}", step.iteration));
  model.state().write(step);

  if (state.next == state.names.size()) return;  // it was never trained
  std::vector<Parameter*> parameters = slot_order(file, version, layers);
  for (const SlotPlace& place : slot_places(model.optimizer(), parameters, is_interleaved(config, version))) {
    hdf5::Dataset dataset = state.take();
    check_shape(file, dataset, *place.parameter);
    read_values(file, dataset, *place.parameter, place.values());
  }
  // The product of Nadam's momenta follows from the number of steps.
  if (state.next_is_scalar() && state.next + 1 == state.names.size()) ++state.next;
  // SGD of tf.keras 2.15 has slots without momentum, Adam of Keras 2.1.3 to 2.3.1 a third that it does not
  // use.
  size_t left = state.names.size() - state.next;
  if (left != 0 && left != parameters.size())
    file.refuse(group, fmt::format("has {} tensors more than the optimizer needs", left));
}

std::vector<SlotPlace> slot_places(const Optimizer& optimizer, const std::vector<Parameter*>& parameters,
                                   bool interleaved) {
  std::vector<SlotPlace> places;
  for (const Optimizer::Slot& slot : optimizer.common_slots())
    for (const Parameter* parameter : parameters) places.push_back({&slot, parameter});
  const std::vector<Optimizer::Slot>& slots = optimizer.slots();
  for (size_t begin = 0, end = 0; begin < slots.size(); begin = end) {
    while (end < slots.size() && (end == begin || (interleaved && slots[end].group == slots[begin].group)))
      ++end;
    for (const Parameter* parameter : parameters)
      for (size_t i = begin; i < end; ++i) places.push_back({&slots[i], parameter});
  }
  return places;
}

void write_optimizer(hdf5::Group& group, const Model& model) {
  const Optimizer& optimizer = model.optimizer();
  Config config = optimizer_config(model);
  bool interleaved = is_interleaved(config, {2, 10, 0});
  std::vector<Parameter*> parameters;
  std::map<const Parameter*, std::string> paths;
  for (const SavedLayer& layer : saved_layers(model.graph()))
    for (const auto& [path, parameter] : saved_weights(layer)) {
      // The layers of a nested model may be called as others are.
      std::string scope = layer.layers.size() > 1 ? file_name(layer.name) + "/" : "";
      if (parameter->trainable && paths.emplace(parameter, scope + path).second)
        parameters.push_back(parameter);
    }
  std::string prefix = optimizer.class_name();
  std::vector<std::string> names{interleaved ? "iteration:0" : prefix + "/iter:0"};
  group.add(names[0], {}, std::vector<int64_t>{model.state().read().iteration});
  auto add = [&](const std::string& slot, const Parameter& parameter, const Tensor& values) {
    const std::string& path = paths.at(&parameter);
    names.push_back(interleaved ? fmt::format("{}/{}/{}:0", prefix, slot, path)
                                : fmt::format("{}/{}/{}:0", prefix, path, slot));
    group.add(names.back(), file_shape(parameter), file_values(parameter, values));
  };
  for (const SlotPlace& place : slot_places(optimizer, parameters, interleaved))
    add(place.slot->name, *place.parameter, place.values());
  // tf.keras 2.15 keeps them without momentum too.
  if (interleaved && prefix == "SGD" && optimizer.slots().empty())
    for (const Parameter* parameter : parameters)
      add("m", *parameter,
          Tensor::zeros(parameter->shape, parameter->value.dtype(), parameter->value.device()));
  group.set_names("weight_names", names);
}

}  // namespace manul::keras
