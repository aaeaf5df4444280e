#include "manul/framework/initializer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "manul/framework/error.h"
#include "manul/framework/random.h"

namespace manul {
namespace {

enum class Draw { constant, uniform, normal, truncated_normal, variance_scaling, orthogonal, identity };

struct Entry {
  std::string_view name, class_name;
  Draw draw;
  std::vector<std::pair<std::string_view, double>> numbers;
  std::string_view mode = {}, distribution = {};
};

/// Scale, mode and distribution of the famous cases: Glorot and Bengio 2010, He et al. 2015, LeCun et al.
/// 1998.
const std::vector<Entry>& table() {
  static const std::vector<Entry> entries = {
      {"zeros", "Zeros", Draw::constant, {}},
      {"ones", "Ones", Draw::constant, {}},
      {"constant", "Constant", Draw::constant, {{"value", 0}}},
      {"random_uniform", "RandomUniform", Draw::uniform, {{"minval", -0.05}, {"maxval", 0.05}}},
      {"random_normal", "RandomNormal", Draw::normal, {{"mean", 0}, {"stddev", 0.05}}},
      {"truncated_normal", "TruncatedNormal", Draw::truncated_normal, {{"mean", 0}, {"stddev", 0.05}}},
      {"variance_scaling",
       "VarianceScaling",
       Draw::variance_scaling,
       {{"scale", 1}},
       "fan_in",
       "truncated_normal"},
      {"glorot_uniform", "GlorotUniform", Draw::variance_scaling, {}, "fan_avg", "uniform"},
      {"glorot_normal", "GlorotNormal", Draw::variance_scaling, {}, "fan_avg", "truncated_normal"},
      {"he_uniform", "HeUniform", Draw::variance_scaling, {}, "fan_in", "uniform"},
      {"he_normal", "HeNormal", Draw::variance_scaling, {}, "fan_in", "truncated_normal"},
      {"lecun_uniform", "LecunUniform", Draw::variance_scaling, {}, "fan_in", "uniform"},
      {"lecun_normal", "LecunNormal", Draw::variance_scaling, {}, "fan_in", "truncated_normal"},
      {"orthogonal", "Orthogonal", Draw::orthogonal, {{"gain", 1}}},
      {"identity", "Identity", Draw::identity, {{"gain", 1}}},
  };
  return entries;
}

/// Keras' other names.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> aliases{
    {{"zero", "zeros"},
     {"one", "ones"},
     {"uniform", "random_uniform"},
     {"normal", "random_normal"},
     {"IdentityInitializer", "identity"},
     {"OrthogonalInitializer", "orthogonal"},
     {"ConstantInitializer", "constant"}}};

int find(std::string_view name) {
  for (const auto& [alias, meant] : aliases)
    if (name == alias) name = meant;
  for (size_t i = 0; i < table().size(); ++i)
    if (table()[i].name == name || table()[i].class_name == name) return static_cast<int>(i);
  return -1;
}

/// Box and Muller 1958.
double normal(RandomStream& random) {
  double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

/// Drawn again beyond two standard deviations.
double truncated_normal(RandomStream& random) {
  double value = normal(random);
  while (std::abs(value) > 2) value = normal(random);
  return value;
}

/// Makes the rows of `matrix` [rows, columns], rows <= columns, orthonormal. Twice: once leaves the rounding
/// of nearly parallel rows.
void orthonormalise(std::vector<double>& matrix, int64_t rows, int64_t columns) {
  for (int64_t row = 0; row < rows; ++row) {
    double* own = &matrix[row * columns];
    for (int64_t other = 0; other < 2 * row; ++other) {
      const double* done = &matrix[other % row * columns];
      double along = 0;
      for (int64_t i = 0; i < columns; ++i) along += own[i] * done[i];
      for (int64_t i = 0; i < columns; ++i) own[i] -= along * done[i];
    }
    double length = 0;
    for (int64_t i = 0; i < columns; ++i) length += own[i] * own[i];
    for (int64_t i = 0; i < columns; ++i) own[i] /= std::sqrt(length);
  }
}

/// Saxe et al. 2014: a random matrix of orthonormal rows or columns, whichever are fewer.
void draw_orthogonal(RandomStream& random, double gain, int64_t rows, std::vector<double>& values) {
  int64_t columns = static_cast<int64_t>(values.size()) / rows;
  int64_t fewer = std::min(rows, columns), more = std::max(rows, columns);
  std::vector<double> matrix(values.size());
  for (double& value : matrix) value = normal(random);
  orthonormalise(matrix, fewer, more);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      values[i * columns + j] = gain * (rows <= columns ? matrix[i * more + j] : matrix[j * more + i]);
}

}  // namespace

Initializer::Initializer() : entry_(find("zeros")) {}

Initializer::Initializer(std::string_view name) : entry_(find(name)) {
  if (entry_ < 0) {
    std::string known;
    for (const Entry& entry : table()) known += (known.empty() ? "" : ", ") + std::string(entry.name);
    fail(ErrorKind::failed, "initializer: {} is not known, these are: {}", name, known);
  }
  const Entry& entry = table()[entry_];
  numbers_ = entry.numbers;
  mode_ = entry.mode;
  distribution_ = entry.distribution;
}

bool Initializer::is_known(std::string_view name) {
  return find(name) >= 0;
}

std::vector<std::string_view> Initializer::class_names() {
  std::vector<std::string_view> names;
  for (const Entry& entry : table()) names.push_back(entry.class_name);
  return names;
}

std::string_view Initializer::class_name() const {
  return table()[entry_].class_name;
}
std::string_view Initializer::name() const {
  return table()[entry_].name;
}

double Initializer::number(std::string_view key) const {
  for (const auto& [known, number] : numbers_)
    if (known == key) return number;
  fail(ErrorKind::failed, "initializer: {} has no option {}", class_name(), key);
}

Initializer Initializer::with(std::string_view key, double number) const {
  this->number(key);
  check(std::isfinite(number) && !(number < 0 && (key == "stddev" || key == "scale")),
        "initializer: {}'s {} cannot be {}", class_name(), key, number);
  Initializer changed = *this;
  for (auto& [known, value] : changed.numbers_)
    if (known == key) value = number;
  return changed;
}

Initializer Initializer::with_variance(std::string mode, std::string distribution) const {
  check(has_variance_options(), "initializer: {} has no mode and no distribution", class_name());
  if (distribution == "normal") distribution = "truncated_normal";  // Keras' former name
  check(mode == "fan_in" || mode == "fan_out" || mode == "fan_avg",
        "initializer: the mode is fan_in, fan_out or fan_avg, not {}", mode);
  check(
      distribution == "uniform" || distribution == "truncated_normal" || distribution == "untruncated_normal",
      "initializer: the distribution is uniform, truncated_normal or untruncated_normal, not {}",
      distribution);
  Initializer changed = *this;
  changed.mode_ = std::move(mode);
  changed.distribution_ = std::move(distribution);
  return changed;
}

bool Initializer::has_variance_options() const {
  return name() == "variance_scaling";
}

Initializer Initializer::with_seed(std::optional<int64_t> seed) const {
  Initializer changed = *this;
  changed.seed_ = seed;
  return changed;
}

bool Initializer::is_random() const {
  Draw draw = table()[entry_].draw;
  return draw != Draw::constant && draw != Draw::identity;
}

Initializer Initializer::with_fans(int64_t fan_in, int64_t fan_out) const {
  Initializer changed = *this;
  changed.fan_in_ = fan_in;
  changed.fan_out_ = fan_out;
  return changed;
}

bool Initializer::is_zeros() const {
  return name() == "zeros" || (name() == "constant" && number("value") == 0);
}

double Initializer::fan() const {
  double in = static_cast<double>(fan_in_), out = static_cast<double>(fan_out_);
  double fan = mode_ == "fan_in" ? in : mode_ == "fan_out" ? out : (in + out) / 2;
  return std::max(fan, 1.0);
}

std::vector<double> Initializer::draw(const Shape& shape, uint64_t seed, const std::string& path) const {
  std::vector<double> values(shape.elements(), 0.0);
  if (values.empty()) return values;
  RandomStream random(seed_ ? static_cast<uint64_t>(*seed_) : seed, RandomPurpose::initializer,
                      random_key(path.c_str()) >> 8, 0);
  auto fill = [&](auto&& draw) { std::generate(values.begin(), values.end(), draw); };
  int64_t rows = shape.rank() > 0 ? shape[0] : 1, columns = shape.elements() / rows;
  switch (table()[entry_].draw) {
    case Draw::constant:
      fill([value = name() == "zeros" ? 0 : name() == "ones" ? 1 : number("value")] { return value; });
      break;
    case Draw::uniform:
      fill([&, low = number("minval"), high = number("maxval")] { return random.uniform(low, high); });
      break;
    case Draw::normal:
      fill([&, mean = number("mean"), deviation = number("stddev")] {
        return mean + deviation * normal(random);
      });
      break;
    case Draw::truncated_normal:
      fill([&, mean = number("mean"), deviation = number("stddev")] {
        return mean + deviation * truncated_normal(random);
      });
      break;
    case Draw::variance_scaling: {
      double scale = has_variance_options() ? number("scale") : class_name().starts_with("He") ? 2 : 1;
      if (distribution_ == "uniform") {
        double limit = std::sqrt(3 * scale / fan());
        fill([&] { return random.uniform(-limit, limit); });
        break;
      }
      // The standard deviation of a normal distribution that is cut at two of its own.
      constexpr double cut_deviation = 0.87962566103423978;
      double deviation = std::sqrt(scale / fan());
      if (distribution_ == "untruncated_normal")
        fill([&] { return deviation * normal(random); });
      else
        fill([&] { return deviation / cut_deviation * truncated_normal(random); });
      break;
    }
    case Draw::orthogonal:
      check(shape.rank() >= 2, "initializer: Orthogonal wants a parameter of two axes at least, {} is {}",
            path, shape);
      draw_orthogonal(random, number("gain"), rows, values);
      break;
    case Draw::identity:
      check(shape.rank() == 2, "initializer: Identity wants a parameter of two axes, {} is {}", path, shape);
      for (int64_t i = 0; i < std::min(rows, columns); ++i) values[i * columns + i] = number("gain");
      break;
  }
  return values;
}

}  // namespace manul
