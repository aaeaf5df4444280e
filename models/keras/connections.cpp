#include "manul/models/keras/connections.h"

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/layers/attention.h"

namespace manul::keras {
namespace {

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
    if (entry.key != "training" && !is_among(input_names, entry.key)) refuse_argument(config, entry);
  return {parts[0].as_string(), parts[1].as_int(), parts[2].as_int()};
}

/// Keras 3 writes a call's arguments as they were given; the tensors among them are the inputs.
void collect_tensors(const Config& argument, std::vector<Reference>& references) {
  if (const Config* class_name = argument.find("class_name");
      class_name && *class_name == Config("__keras_tensor__"))
    return references.push_back(read_reference(argument.at("config").at("keras_history")));
  if (argument.is_list())
    for (const Config& item : argument.as_list()) collect_tensors(item, references);
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
      if (const Config* tensor = named->find(name)) collect_tensors(*tensor, call.inputs);
    for (const Config::Entry& argument : named->as_map())
      if (argument.key != "training" && !is_among(input_names, argument.key))
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
      if (const Config* tensor = named->find(name); tensor && !tensor->is_null())
        call.inputs.push_back(read_reference(*tensor));
  }
  return call;
}

}  // namespace manul::keras
