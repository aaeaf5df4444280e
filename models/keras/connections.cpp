#include "manul/models/keras/connections.h"

#include "manul/framework/error.h"

namespace manul::keras {
namespace {

Reference read_reference(const Config& config) {
  const Config::List& parts = config.as_list();
  if (parts.size() < 3 || parts[2].as_int() != 0)
    fail(ErrorKind::model_file, "connection {}: only first outputs of layers can be used", config.text());
  const Config* arguments = parts.size() > 3 && parts[3].is_map() ? &parts[3] : nullptr;
  for (const Config::Entry& entry : arguments ? arguments->as_map() : Config::Map())
    if (entry.key != "training")
      fail(ErrorKind::model_file, "connection {}: the argument {} is not supported", config.text(),
           entry.key);
  return {parts[0].as_string(), parts[1].as_int()};
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

Call read_call(const Config& entry) {
  Call call;
  if (entry.is_map()) {
    collect_tensors(entry.at("args"), call.inputs);
    return call;
  }
  call.inputs = read_references(entry);
  bool one = !entry.as_list().empty() && entry.as_list()[0].is_string();
  for (const Config& argument : one ? Config::List{entry} : entry.as_list())
    if (argument.is_list() && argument.as_list().size() > 3)
      if (const Config* training = argument.as_list()[3].find("training"); training && !training->is_null())
        call.training = training->as_bool();
  return call;
}

}  // namespace manul::keras
