#include "manul/layers/config/options.h"

#include "manul/framework/error.h"

namespace manul::options {
namespace {

Config initializer(const char* class_name, Config config) {
  return Config::map({{"class_name", class_name}, {"config", std::move(config)}});
}

}  // namespace

Config config_of(const Size2D& size) {
  return Config::List{size.height, size.width};
}

Config config_of(Padding padding) {
  return padding == Padding::same ? "same" : "valid";
}

Size2D read_size(const Config& config, std::string_view key, Size2D otherwise) {
  const Config* value = config.find(key);
  if (!value || value->is_null()) return otherwise;
  bool is_pair = value->is_list() && value->as_list().size() == 2 && value->as_list()[0].is_int() &&
                 value->as_list()[1].is_int();
  if (!value->is_int() && !is_pair)
    fail(ErrorKind::model_file, "option {}: one integer or two are wanted, not {}", key, value->text());
  Size2D size =
      is_pair ? Size2D(value->as_list()[0].as_int(), value->as_list()[1].as_int()) : value->as_int();
  if (size.height < 1 || size.width < 1)
    fail(ErrorKind::model_file, "option {}: sizes are at least 1, not {}", key, value->text());
  return size;
}

Padding read_padding(const Config& config) {
  std::string padding = config.get("padding", "valid");
  if (padding == "valid") return Padding::valid;
  if (padding == "same") return Padding::same;
  fail(ErrorKind::model_file, "option padding: valid and same are supported, not {}", padding);
}

void require(const Config& config, std::string_view key, const Config& wanted) {
  const Config* value = config.find(key);
  if (value && !value->is_null() && !(*value == wanted))
    fail(ErrorKind::model_file, "option {}: {} is not supported, only {}", key, value->text(), wanted.text());
}

Config glorot_uniform() {
  return initializer("GlorotUniform", Config::map({{"seed", nullptr}}));
}
Config zeros() {
  return initializer("Zeros", Config::map());
}
Config ones() {
  return initializer("Ones", Config::map());
}

Config keep_untrained(const Config& config, std::initializer_list<const char*> keys) {
  Config kept = Config::map();
  for (const char* key : keys)
    if (const Config* value = config.find(key); value && !value->is_null()) kept.set(key, *value);
  return kept;
}

}  // namespace manul::options
