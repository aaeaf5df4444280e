#include "manul/models/keras/variables.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "manul/framework/error.h"

namespace manul::keras {
namespace {

/// What the groups of layers are in; the second in files of tf.keras 2.12 and Keras 3.0.
constexpr const char* layer_roots[] = {"layers", "_layer_checkpoint_dependencies"};

/// Names of layers by class: "conv2d", "conv2d_1", ..
class Identifiers {
 public:
  std::string next(const std::string& base) {
    int count = used_[base]++;
    return count == 0 ? base : fmt::format("{}_{}", base, count);
  }

 private:
  std::map<std::string, int> used_;
};

/// Finds the weights of a group of layers, and of the models in it.
class VariableMatcher {
 public:
  VariableMatcher(hdf5::Reader& file) : file_(file) {}

  /// `depth`: how many parts of the layers' names ("model/layer") are those of the models around.
  void match(const std::string& group, const std::vector<LayerPtr>& layers, int depth) {
    std::string root = group + layer_root(group);
    Identifiers identifiers;
    for (size_t i = 0; i < layers.size();) {
      std::string name = part_of(layers[i]->name(), depth);
      std::vector<LayerPtr> inner;
      for (size_t k = i; k < layers.size() && part_of(layers[k]->name(), depth) == name; ++k)
        inner.push_back(layers[k]);
      bool nested = has_part(layers[i]->name(), depth + 1);
      if (nested) {
        match(nested_group(root, name, identifiers) + "/", inner, depth + 1);
        i += inner.size();
      } else {
        std::string id = identifiers.next(snake_case(layers[i]->class_name()));
        match_layer(root + "/" + id, *layers[i]);
        ++i;
      }
    }
  }

  std::vector<WeightPlace> places;

 private:
  static bool has_part(const std::string& name, int part) {
    return std::count(name.begin(), name.end(), '/') >= part;
  }
  static std::string part_of(const std::string& name, int part) {
    size_t begin = 0;
    for (int i = 0; i < part; ++i) begin = name.find('/', begin) + 1;
    return name.substr(begin, name.find('/', begin) - begin);
  }

  std::string layer_root(const std::string& group) {
    for (const char* root : layer_roots)
      if (file_.exists(group + root)) return root;
    file_.refuse(group, "has no group of layers");
  }

  /// The file says of a model in a model no more than its class.
  std::string nested_group(const std::string& root, const std::string& name, Identifiers& identifiers) {
    std::string found;
    for (const char* base : {"functional", "sequential", "model"}) {
      Identifiers tried = identifiers;
      std::string path = root + "/" + tried.next(base);
      if (!file_.exists(path)) continue;
      bool named = file_.exists(path + "/vars") && file_.text(path + "/vars", "name") == name;
      if (!found.empty() && !named) continue;
      found = base;
      if (named) break;
    }
    if (found.empty()) file_.refuse(root, fmt::format("has no weights of the model {}", name));
    return root + "/" + identifiers.next(found);
  }

  void match_layer(const std::string& path, const Layer& layer) {
    std::map<std::string, std::vector<Parameter*>> parts;  // of a layer made of layers, by their names
    for (Parameter* parameter : layer.parameters()) {
      std::string rest = parameter->path.substr(std::min(parameter->path.size(), layer.name().size() + 1));
      size_t slash = rest.rfind('/');
      parts[slash == std::string::npos ? "" : rest.substr(0, slash)].push_back(parameter);
    }
    for (const auto& [part, parameters] : parts)
      match_variables(part.empty() ? path : part_group(path, part), parameters);
  }

  /// "mha/query_dense" for the part "query": Keras has the name of a Python member, and may have the part's
  /// own.
  std::string part_group(const std::string& path, const std::string& part) {
    if (file_.exists(path))
      for (const std::string& member : file_.members(path)) {
        std::string inner = path + "/" + member;
        if (member == part || member == part + "_dense" ||
            (file_.exists(inner + "/vars") && file_.text(inner + "/vars", "name") == part))
          return inner;
      }
    return path + "/" + (part == "attention_output" ? "output" : part) + "_dense";
  }

  void match_variables(const std::string& path, const std::vector<Parameter*>& parameters) {
    std::string group = path + "/vars";
    size_t there = file_.exists(group) ? file_.members(group).size() : 0;
    if (there != parameters.size())
      file_.refuse(group, fmt::format("has {} weights, but {} has {}", there, parameters.front()->path,
                                      parameters.size()));
    for (size_t i = 0; i < parameters.size(); ++i)
      places.push_back({parameters[i], file_.dataset(fmt::format("{}/{}", group, i))});
  }

  hdf5::Reader& file_;
};

}  // namespace

bool has_variables(hdf5::Reader& file) {
  for (const char* root : layer_roots)
    if (file.exists(root)) return true;
  return false;
}

std::vector<WeightPlace> match_variables(hdf5::Reader& file, const std::vector<SavedLayer>& layers) {
  std::vector<LayerPtr> all;
  for (const SavedLayer& layer : layers) all.insert(all.end(), layer.layers.begin(), layer.layers.end());
  VariableMatcher matcher(file);
  matcher.match("", all, 0);
  return std::move(matcher.places);
}

std::vector<std::string> optimizer_variables(hdf5::Reader& file) {
  std::vector<std::string> paths;
  if (file.exists("optimizer/vars"))
    for (size_t i = 0, count = file.members("optimizer/vars").size(); i < count; ++i)
      paths.push_back(fmt::format("optimizer/vars/{}", i));
  return paths;
}

void write_variables(hdf5::Group& root, const Model& model, bool optimizer) {
  Identifiers identifiers;
  std::vector<const Parameter*> trained;
  for (const LayerPtr& layer : ordered_layers(model.graph())) {
    if (model.graph().is_sequential() && layer->class_name() == "InputLayer") continue;
    std::string path = fmt::format("layers/{}/vars", identifiers.next(snake_case(layer->class_name())));
    hdf5::Group& variables = root.group(path);
    variables.set_text("name", file_name(*layer), hdf5::Charset::utf8);
    int index = 0;
    for (const Parameter* parameter : layer->parameters()) {
      check(parameter->path.find('/', layer->name().size() + 1) == std::string::npos,
            "save: the weights of layer {} cannot be laid out as Keras 3 does; save a .h5 file",
            layer->name());
      variables.add(std::to_string(index++), file_shape(*parameter),
                    file_values(*parameter, parameter->value));
      if (parameter->trainable) trained.push_back(parameter);
    }
  }
  root.group("vars").set_text("name", model.graph().name(), hdf5::Charset::utf8);
  if (!optimizer || !model.is_compiled()) return;
  hdf5::Group& state = root.group("optimizer/vars");
  state.set_text("name", snake_case(model.optimizer().class_name()), hdf5::Charset::utf8);
  StepState step = model.state().read();
  state.add("0", {}, std::vector<int64_t>{step.iteration});
  state.add(
      "1", {},
      std::vector<double>{step.learning_rate});  // Keras has float32, which would not be resumed exactly
  int index = 2;
  for (const Parameter* parameter : trained)
    for (const Optimizer::Slot& slot : model.optimizer().slots()) {
      Tensor values = slot.values.range(parameter->offset, parameter->shape);
      state.add(std::to_string(index++), file_shape(*parameter), file_values(*parameter, values));
    }
}

std::string snake_case(std::string_view class_name) {
  // Keras' rule: an underscore before a capital that begins a word, or follows a small letter or a digit.
  std::string text;
  auto is_upper = [](char letter) { return std::isupper(static_cast<unsigned char>(letter)) != 0; };
  auto is_lower = [](char letter) { return std::islower(static_cast<unsigned char>(letter)) != 0; };
  for (size_t i = 0; i < class_name.size(); ++i) {
    char letter = class_name[i];
    if (letter == '>' || letter == '.') {
      text.clear();
      continue;
    }
    bool begins_word = i + 1 < class_name.size() && is_lower(class_name[i + 1]);
    bool after_small = i > 0 && is_lower(class_name[i - 1]);
    if (i > 0 && is_upper(letter) && !text.empty() && (begins_word || after_small)) text += '_';
    text += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return text;
}

}  // namespace manul::keras
