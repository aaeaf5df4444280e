#include "manul/models/keras/notes.h"

#include <bit>
#include <cmath>

#include "manul/data/image/image.h"
#include "manul/framework/config/json.h"
#include "manul/framework/error.h"
#include "manul/framework/utf8.h"

namespace manul::keras {

Config notes_config(const Model& model) {
  Config notes = Config::map({{"version", MANUL_VERSION}});
  const Preprocessing& preprocessing = model.preprocessing;
  if (!preprocessing.class_names.empty()) {
    Config::List names;
    for (const std::string& name : preprocessing.class_names) names.emplace_back(utf8_of_name(name));
    notes.set("class_names", std::move(names));
  }
  const Shape& input = model.graph().nodes()[model.graph().inputs()[0]].shape;
  if (input.rank() == 3) {
    notes.set("image_size", Config::List{input[0], input[1]});
    notes.set("color_mode", input[2] == 1 ? "grayscale" : input[2] == 4 ? "rgba" : "rgb");
  }
  if (preprocessing.rescale != 0) notes.set("rescale", preprocessing.rescale);
  if (!preprocessing.interpolation.empty()) notes.set("interpolation", preprocessing.interpolation);
  notes.set("seed", std::bit_cast<int64_t>(model.build_options().seed));
  return notes;
}

void read_notes(const Config& notes, Model& model) {
  Preprocessing& preprocessing = model.preprocessing;
  if (const Config* names = notes.find("class_names"))
    for (const Config& name : names->as_list())
      preprocessing.class_names.push_back(name_of_utf8(name.as_string()));
  preprocessing.rescale = notes.get("rescale", 0.0);
  if (!std::isfinite(preprocessing.rescale))
    fail(ErrorKind::model_file, "{}: a rescale of {}", notes_attribute, preprocessing.rescale);
  preprocessing.interpolation = notes.get("interpolation", "");
  if (!preprocessing.interpolation.empty()) parse_interpolation(preprocessing.interpolation);
}

uint64_t read_seed(const Config& notes) {
  return std::bit_cast<uint64_t>(notes.get("seed", int64_t{0}));
}

void write_state(hdf5::Group& root, const TrainingState& state) {
  if (state.empty()) return;
  root.set_text(state_attribute, json_text(state.values));
  hdf5::Group& group = root.group(state_attribute);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state.tensors) {
    names.push_back(name);
    if (tensor.dtype() == DType::f64)
      group.add(name, tensor.shape(), tensor.to_vector<double>());
    else
      group.add(name, tensor.shape(), tensor.to_vector<float>());
  }
  group.set_names("names", names);
}

void read_state(hdf5::Reader& file, Config values, Model& model) {
  TrainingState& state = model.training_state;
  state.values = std::move(values);
  for (const std::string& name : file.names(state_attribute, "names").value_or(std::vector<std::string>())) {
    hdf5::Dataset dataset = file.dataset(fmt::format("{}/{}", state_attribute, name));
    bool twice = dataset.type.size == sizeof(double);
    Tensor tensor = Tensor::empty(dataset.shape, twice ? DType::f64 : DType::f32);
    if (twice)
      file.read<double>(dataset, {tensor.mutable_data<double>(), static_cast<size_t>(tensor.elements())});
    else
      file.read<float>(dataset, {tensor.mutable_data<float>(), static_cast<size_t>(tensor.elements())});
    state.tensors.emplace_back(name, std::move(tensor));
  }
}

}  // namespace manul::keras
