#include "manul/models/keras/connections.h"

#include <algorithm>
#include <map>

#include "manul/framework/error.h"
#include "manul/layers/attention.h"

namespace manul::keras {
namespace {

constexpr const char* causal = "use_causal_mask";
constexpr const char* attention_mask = "attention_mask";

/// Those of calls that are masks, which follow from the graph.
const std::vector<std::string> mask_arguments{"mask", "query_mask", "value_mask", "key_mask"};

bool is_tensor(const Config& config) {
  const Config* class_name = config.is_map() ? config.find("class_name") : nullptr;
  return class_name && *class_name == Config("__keras_tensor__");
}

/// null and false ask for nothing.
void refuse_argument(const Config& connection, const Config::Entry& argument) {
  if (!argument.value.is_null() && !(argument.value == Config(false)))
    fail(ErrorKind::model_file, "connection {}: the argument {} is not supported", connection.text(),
         argument.key);
}

bool is_among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const Config* arguments_of(const Config& connection) {
  const Config::List& parts = connection.as_list();
  return parts.size() > 3 && parts[3].is_map() ? &parts[3] : nullptr;
}

Reference read_reference(const Config& config, const std::vector<std::string>& input_names = {}) {
  const Config::List& parts = config.as_list();
  if (parts.size() < 3 || parts[2].as_int() < 0)
    fail(ErrorKind::model_file, "connection {}: [layer, call, output] are wanted", config.text());
  const Config* arguments = arguments_of(config);
  for (const Config::Entry& entry : arguments ? arguments->as_map() : Config::Map())
    if (entry.key != "training" && !is_among(input_names, entry.key) &&
        !(entry.key == causal && is_among(input_names, attention_mask)))
      refuse_argument(config, entry);
  return {parts[0].as_string(), parts[1].as_int(), parts[2].as_int()};
}

/// Keras 3 writes a call's arguments as they were given; the tensors among them are the inputs.
void collect_tensors(const Config& argument, std::vector<Reference>& references) {
  if (is_tensor(argument))
    return references.push_back(read_reference(argument.at("config").at("keras_history")));
  if (argument.is_list())
    for (const Config& item : argument.as_list()) collect_tensors(item, references);
}

/// A key that is not given is the value; where something stands behind it, it is given.
void add_key_before(const std::string& name, std::vector<Reference>& inputs) {
  if (name == attention_mask && inputs.size() == 2) inputs.push_back(inputs[1]);
}

bool is_true(const Config& arguments, const char* name) {
  const Config* value = arguments.find(name);
  return value && *value == Config(true);
}

}  // namespace

std::vector<Reference> read_references(const Config& config) {
  std::vector<Reference> references;
  if (config.is_map()) {
    for (const Config::Entry& entry : config.as_map()) references.push_back(read_reference(entry.value));
  } else if (!config.as_list().empty() && config.as_list()[0].is_string()) {
    references.push_back(read_reference(config));
  } else {
    for (const Config& item : config.as_list()) references.push_back(read_reference(item));
  }
  return references;
}

std::vector<std::string> input_names_of(const Layer& layer) {
  if (!options_of<MultiHeadAttention>(layer)) return {};
  return {MultiHeadAttention::input_names.begin(), MultiHeadAttention::input_names.end()};
}

Call read_call(const Config& entry, const std::vector<std::string>& input_names) {
  Call call;
  if (entry.is_map()) {
    collect_tensors(entry.at("args"), call.inputs);
    const Config* named = entry.find("kwargs");
    if (!named || !named->is_map()) return call;
    for (const std::string& name : input_names)
      if (const Config* tensor = named->find(name); tensor && !tensor->is_null()) {
        add_key_before(name, call.inputs);
        collect_tensors(*tensor, call.inputs);
      }
    call.use_causal_mask = is_among(input_names, attention_mask) && is_true(*named, causal);
    for (const Config::Entry& argument : named->as_map())
      if (is_among(mask_arguments, argument.key) && is_tensor(argument.value))
        call.given_masks = true;
      else if (argument.key != "training" && !is_among(input_names, argument.key) &&
               !(call.use_causal_mask && argument.key == causal))
        refuse_argument(entry, argument);
    return call;
  }
  bool one = !entry.as_list().empty() && entry.as_list()[0].is_string();
  for (const Config& argument : one ? Config::List{entry} : entry.as_list()) {
    call.inputs.push_back(read_reference(argument, input_names));
    const Config* named = arguments_of(argument);
    if (!named) continue;
    if (const Config* training = named->find("training"); training && !training->is_null())
      call.training = training->as_bool();
    for (const std::string& name : input_names)
      if (const Config* tensor = named->find(name); tensor && !tensor->is_null()) {
        add_key_before(name, call.inputs);
        call.inputs.push_back(read_reference(*tensor));
      }
    call.use_causal_mask |= is_among(input_names, attention_mask) && is_true(*named, causal);
  }
  return call;
}

namespace {

/// What each layer of a model takes: values, and masks of them.
struct Uses {
  std::string class_name;
  std::vector<std::string> values, masks;
};

std::vector<std::string> layers_in(const Config& argument) {
  std::vector<Reference> references;
  collect_tensors(argument, references);
  std::vector<std::string> names;
  for (const Reference& reference : references) names.push_back(reference.layer);
  return names;
}

Uses uses_of(const Config& layer) {
  Uses uses{layer.at("class_name").as_string(), {}, {}};
  const Config* calls = layer.find("inbound_nodes");
  for (const Config& call : calls ? calls->as_list() : Config::List()) {
    if (!call.is_map()) continue;
    auto take = [](const std::vector<std::string>& names, std::vector<std::string>& all) {
      all.insert(all.end(), names.begin(), names.end());
    };
    take(layers_in(call.at("args")), uses.values);
    const Config* named = call.find("kwargs");
    for (const Config::Entry& argument : named && named->is_map() ? named->as_map() : Config::Map())
      take(layers_in(argument.value), is_among(mask_arguments, argument.key) ? uses.masks : uses.values);
  }
  return uses;
}

/// Adds the layers that these need.
void add_needed(const std::map<std::string, Uses>& all, std::vector<std::string> names, bool masks,
                std::set<std::string>& needed) {
  while (!names.empty()) {
    std::string name = names.back();
    names.pop_back();
    auto found = all.find(name);
    if (found == all.end() || !needed.insert(name).second) continue;
    names.insert(names.end(), found->second.values.begin(), found->second.values.end());
    if (masks) names.insert(names.end(), found->second.masks.begin(), found->second.masks.end());
  }
}

}  // namespace

std::set<std::string> mask_layers(const Config& model) {
  static const std::vector<std::string> operators{"NotEqual",  "Any",       "LogicalOr",   "ExpandDims",
                                                  "ZerosLike", "OnesLike",  "Concatenate", "BroadcastTo",
                                                  "Squeeze",   "LogicalAnd"};
  std::map<std::string, Uses> all;
  std::vector<std::string> masks;
  for (const Config& layer : model.at("layers").as_list()) {
    Uses uses = uses_of(layer);
    masks.insert(masks.end(), uses.masks.begin(), uses.masks.end());
    std::string name =
        layer.get("name", layer.at("config").is_map() ? layer.at("config").get("name", "").c_str() : "");
    all.emplace(std::move(name), std::move(uses));
  }
  if (masks.empty()) return {};
  std::vector<std::string> outputs;
  for (const Reference& output : read_references(model.at("output_layers"))) outputs.push_back(output.layer);
  std::set<std::string> values, of_masks, only_masks;
  add_needed(all, outputs, false, values);
  add_needed(all, masks, true, of_masks);
  for (const std::string& name : of_masks) {
    if (values.count(name)) continue;
    if (!is_among(operators, all.at(name).class_name))
      fail(ErrorKind::model_file,
           "layer {}: is a mask of somebody's own making, which is not supported; masks are "
           "those of Masking and Embedding",
           name);
    only_masks.insert(name);
  }
  for (const std::string& name : masks)
    if (!only_masks.count(name))
      fail(ErrorKind::model_file,
           "layer {}: is given as a mask to another, which is not supported; masks are those "
           "of Masking and Embedding",
           name);
  return only_masks;
}

}  // namespace manul::keras
