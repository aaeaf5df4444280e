#include "manul/framework/initializers/initializers.h"

namespace manul {
namespace {

/// Stands for what a file names and nobody knows.
class UnknownInitializer final : public InitializerRule {
 public:
  UnknownInitializer(Config object, std::string why) : object_(std::move(object)), why_(std::move(why)) {}
  std::string class_name() const override { return "unknown"; }
  Config object() const override { return object_; }
  std::vector<double> draw(Drawing& drawing) const override {
    fail(ErrorKind::model_file, "{}: its values cannot be drawn, {}; load weights, or give it another",
         drawing.path, why_);
  }

 private:
  Config object_;
  std::string why_;
};

/// A seed of Keras 3 may be an object that draws seeds.
Config without_seed_object(const Config& object) {
  const Config* config = object.find("config");
  const Config* seed = config && config->is_map() ? config->find("seed") : nullptr;
  if (!seed || !seed->is_map()) return object;
  Config options = *config, plain = object;
  options.set("seed", nullptr);
  plain.set("config", std::move(options));
  return plain;
}

struct Fans {
  int64_t in, out;
};

/// Keras' compute_fans.
Fans fans_of(const Shape& shape) {
  if (shape.rank() == 0) return {1, 1};
  if (shape.rank() == 1) return {shape[0], shape[0]};
  int64_t window = shape.elements() / std::max<int64_t>(1, shape[-1] * shape[-2]);
  return {window * shape[-2], window * shape[-1]};
}

}  // namespace

ObjectTable<InitializerRule>& initializer_table() {
  static ObjectTable<InitializerRule> table("initializer");
  [[maybe_unused]] static const bool is_filled = [] {
    KerasInitializers::for_each(
        []<class Options>(std::type_identity<Options>) { register_object<InitializerOf, Options>(table); });
    return true;
  }();
  return table;
}

Initializer::Initializer() : Initializer(Zeros()) {}

Initializer::Initializer(std::string_view name) {
  if (!is_known(name)) {
    std::string known;
    for (const auto& entry : initializer_table().classes()) known += (known.empty() ? "" : ", ") + entry.name;
    fail(ErrorKind::failed, "initializer: {} is not known, these are: {}", name, known);
  }
  *this = of(Config(std::string(name)));
}

Initializer Initializer::of(const Config& object) {
  try {
    return Initializer(initializer_table().make(without_seed_object(object)));
  } catch (const Error& error) {
    return Initializer(std::make_shared<UnknownInitializer>(object, error.what()));
  }
}

Initializer Initializer::ones() {
  return Ones();
}

Initializer Initializer::glorot_uniform(int64_t fan_in, int64_t fan_out) {
  return Initializer(GlorotUniform()).with_fans(fan_in, fan_out);
}

std::string Initializer::class_name() const {
  return rule_->class_name();
}
Config Initializer::object() const {
  return rule_->object();
}

bool Initializer::is_known(std::string_view name) {
  return initializer_table().find(std::string(name)) != nullptr;
}

Initializer Initializer::with_fans(int64_t fan_in, int64_t fan_out) const {
  Initializer changed = *this;
  changed.fan_in_ = fan_in;
  changed.fan_out_ = fan_out;
  return changed;
}

bool Initializer::is_zeros() const {
  return dynamic_cast<const InitializerOf<Zeros>*>(rule_.get()) != nullptr;
}

std::vector<double> Initializer::draw(const Shape& shape, uint64_t seed, const std::string& path) const {
  if (shape.elements() == 0) return {};
  std::optional<int64_t> own = rule_->seed();
  RandomStream random(own ? static_cast<uint64_t>(*own) : seed, RandomPurpose::initializer,
                      random_key(path.c_str()) >> 8, 0);
  Fans fans = fan_in_ > 0 ? Fans{fan_in_, fan_out_} : fans_of(shape);
  Drawing drawing(shape, path, static_cast<double>(fans.in), static_cast<double>(fans.out), random);
  std::vector<double> values = rule_->draw(drawing);
  check(static_cast<int64_t>(values.size()) == shape.elements(),
        "{}: its initializer {} drew {} values, it has {}", path, class_name(), values.size(),
        shape.elements());
  return values;
}

}  // namespace manul
