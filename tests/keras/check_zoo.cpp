// The other side of compare_zoo.py.
//
//     zoo_check FOLDER
// reads what Keras wrote of a network (NAME.json, NAME.batch.h5 and its files), says how far the predictions
// of the ready-made network with these weights, and of the whole files, are from Keras', and writes the
// network with them: NAME.again.h5 and .keras, and with its preprocessing NAME.from-pixels.h5 and .keras.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "manul/framework/config/json.h"
#include "manul/framework/error.h"
#include "manul/models/keras/h5.h"
#include "manul/models/zoo/zoo.h"
#include "manul/tests/keras/batch_file.h"

namespace manul {
namespace {

constexpr double tolerance = 1e-5;  // of the largest output

class NetworkCheck {
 public:
  explicit NetworkCheck(const std::string& stem) : stem_(stem) {
    std::ostringstream text;
    text << std::ifstream(stem + ".json").rdbuf();
    Config options = parse_json(text.str());
    network_ = options.at("network").as_string();
    std::vector<int64_t> shape;
    for (const Config& length : options.at("input_shape").as_list()) shape.push_back(length.as_int());
    options_ = {.input_shape = Shape(shape),
                .classes = options.at("classes").as_int(),
                .classifier_activation = Activation::linear};
    has_same_names_ = options.get("same_names", true);
    hdf5::Reader batch(stem + ".batch.h5");
    inputs_ = tensors_of(batch, "input");
    pixels_ = tensors_of(batch, "pixels");
    wanted_ = tensors_of(batch, "output");
    for (float value : wanted_.at(0).to_vector<float>())
      largest_ = std::max(largest_, std::abs(double{value}));
  }

  bool check_all() {
    fmt::print("{}: outputs up to {:.2g}\n", network_, largest_);
    for (const char* ending : {".h5", ".by-name.h5"})
      if (has_same_names_)
        check_weights(ending, {.by_name = true});
      else if (std::filesystem::exists(stem_ + ending))
        fmt::print("  {:<18} weights by name    of {:<12} has other names in this Keras\n", network_, ending);
    for (const char* ending : {".h5", ".by-name.h5", ".weights.h5", ".keras"}) check_weights(ending, {});
    for (const char* ending : {".h5", ".keras"})
      check_one("the whole file", ending, [&] { return Model::load(stem_ + ending); });
    return well_;
  }

 private:
  void check_weights(const std::string& ending, const LoadWeightsOptions& options) {
    check_one(options.by_name ? "weights by name" : "weights in order", ending, [&] {
      Model model = build_network(network_, options_);
      model.build({.gradients = false});
      for (Parameter& parameter : model.parameters().all()) parameter.value.fill_zero();
      load_weights(model, stem_ + ending, options);
      return model;
    });
  }

  template <class Load>
  void check_one(const char* what, const std::string& ending, Load load) {
    if (!std::filesystem::exists(stem_ + ending)) return;
    std::string text;
    bool right = false;
    try {
      Model model = load();
      double far = difference(model, inputs_, wanted_) / largest_;
      right = far <= tolerance;
      text = fmt::format("{:.1e}", far);
      if (right && !is_written_) write_again(model);
    } catch (const Error& error) {
      text = error.what();
    }
    well_ = well_ && right;
    fmt::print("  {:<18} {:<18} of {:<12} {}  {}\n", network_, what, ending, text, right ? "ok" : "WRONG");
    std::fflush(stdout);
  }

  void write_again(const Model& model) {
    is_written_ = true;
    for (const char* ending : {".h5", ".keras"}) model.save(stem_ + ".again" + ending);
    NetworkOptions options = options_;
    options.include_preprocessing = true;
    Model whole = build_network(network_, options);
    load_weights(whole, stem_ + ".again.h5");
    bool right = difference(whole, pixels_, wanted_) <= tolerance * largest_;
    well_ = well_ && right;
    fmt::print("  {:<18} with its preprocessing  {}\n", network_, right ? "ok" : "WRONG");
    for (const char* ending : {".h5", ".keras"}) whole.save(stem_ + ".from-pixels" + ending);
  }

  std::string stem_, network_;
  NetworkOptions options_;
  std::vector<Tensor> inputs_, pixels_, wanted_;
  double largest_ = 0;
  bool well_ = true, is_written_ = false, has_same_names_ = true;
};

bool check_folder(const std::string& folder) {
  bool well = true, any = false;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json") {
      any = true;
      well = NetworkCheck(entry.path().parent_path() / entry.path().stem()).check_all() && well;
    }
  return well && any;
}

}  // namespace
}  // namespace manul

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: zoo_check FOLDER\n");
    return 2;
  }
  try {
    return manul::check_folder(arguments[1]) ? 0 : 1;
  } catch (const manul::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
}
