#include <algorithm>
#include <cmath>
#include <numeric>

#include "manul/data/datasets/image_folder.h"
#include "manul/data/image/image_io.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/models/graph/model.h"
#include "manul/models/keras/json.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

struct Settings {
  std::string model;
  std::vector<std::string> pictures;
  double rescale = 0;  // 0: what the file says, otherwise 1/255
  int top = 0;         // 0: the prediction alone
  bool json = false;
};

/// A model, and what pictures must be made into for it.
class Classifier {
 public:
  Classifier(const Settings& settings, Device device)
      : model_(Model::load(settings.model, {.device = device})), rescale_(settings.rescale) {
    const Graph& graph = model_.graph();
    if (graph.inputs().size() != 1 || graph.outputs().size() != 1)
      fail(ErrorKind::model_file, "{}: a model with {} inputs and {} outputs is not a classifier of pictures",
           settings.model, graph.inputs().size(), graph.outputs().size());
    Shape input = graph.nodes()[graph.inputs()[0]].shape, output = graph.nodes()[graph.outputs()[0]].shape;
    if (input.rank() != 3 || (input[2] != 1 && input[2] != 3 && input[2] != 4))
      fail(ErrorKind::model_file, "{}: takes {}, which is not a picture [height, width, 1, 3 or 4]",
           settings.model, input);
    if (output.rank() != 1)
      fail(ErrorKind::model_file, "{}: gives {}, not one number a class", settings.model, output);
    shape_ = input;
    options_ = {.height = static_cast<int>(input[0]),
                .width = static_cast<int>(input[1]),
                .color_mode = input[2] == 1   ? ColorMode::grayscale
                              : input[2] == 3 ? ColorMode::rgb
                                              : ColorMode::rgba};
    const Preprocessing& known = model_.preprocessing;
    if (!known.interpolation.empty()) options_.interpolation = parse_interpolation(known.interpolation);
    if (rescale_ == 0) rescale_ = known.rescale != 0 ? known.rescale : 1.0 / 255;
    name_classes(output[0], known.class_names);
  }

  const std::vector<std::string>& class_names() const { return class_names_; }

  /// The probability of each class. Throws ErrorKind::data if the picture cannot be read.
  std::vector<float> probabilities(const std::string& file) {
    Image image = load_image(file, options_);
    Tensor x = Tensor::empty(shape_.batch_of(1));
    auto factor = static_cast<float>(rescale_);
    std::transform(image.pixels.begin(), image.pixels.end(), x.mutable_data<float>(),
                   [=](uint8_t value) { return static_cast<float>(value) * factor; });
    std::vector<float> outputs = model_.predict(x).to_vector<float>();
    for (float value : outputs)
      if (!(value >= 0 && value <= 1))
        fail(ErrorKind::model_file,
             "the model gives {}, which is not a probability: its last layer must be a sigmoid or a softmax",
             value);
    if (outputs.size() == 1) return {1 - outputs[0], outputs[0]};
    return outputs;
  }

 private:
  /// Those of the file; without them cat and dog for one output, as in the article, and numbers for several.
  void name_classes(int64_t outputs, const std::vector<std::string>& known) {
    size_t classes = outputs == 1 ? 2 : static_cast<size_t>(outputs);
    class_names_ = known;
    if (known.size() == classes) return;
    class_names_ = {"cat", "dog"};
    if (outputs == 1) return;
    class_names_.clear();
    for (size_t i = 0; i < classes; ++i) class_names_.push_back(fmt::format("class {}", i));
  }

  Model model_;
  double rescale_;
  Shape shape_;
  ImageOptions options_;
  std::vector<std::string> class_names_;
};

/// Classes from the likeliest on; of two that are equally likely the later one first, as p >= 0.5 is a dog.
std::vector<size_t> ranking(const std::vector<float>& probabilities) {
  std::vector<size_t> order(probabilities.size());
  std::iota(order.rbegin(), order.rend(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return probabilities[a] > probabilities[b]; });
  return order;
}

/// A float as the double with the fewest digits that reads back as that float.
double shortest(float value) {
  return std::stod(fmt::format("{}", value));
}

/// One picture shows one animal: the article's folders are cats and dogs, its answers cat and dog.
std::string article_word(const std::string& name) {
  return name == "cats" || name == "dogs" ? name.substr(0, 3) : name;
}

void print_json(const std::string& file, const std::vector<std::string>& names, const std::vector<float>& p,
                const std::vector<size_t>& order, size_t shown) {
  Config probabilities = Config::map();
  for (size_t i = 0; i < shown; ++i) probabilities.set(names[order[i]], shortest(p[order[i]]));
  fmt::print("{}\n", json_text(Config::map({{"schema", 1},
                                            {"file", file},
                                            {"prediction", names[order[0]]},
                                            {"probability", shortest(p[order[0]])},
                                            {"probabilities", probabilities}})));
}

void print_line(const std::string& file, const std::vector<std::string>& names, const std::vector<float>& p,
                const std::vector<size_t>& order, size_t shown) {
  std::string line = printable(file) + ":";
  for (size_t i = 0; i < shown; ++i)
    line += fmt::format("{} {} {:.4f}", i ? "," : "", names[order[i]], p[order[i]]);
  fmt::print("{}\n", line);
}

/// What is asked about: a picture, or a folder that has none and why.
struct Question {
  std::string file, problem;
};

struct Questions {
  std::vector<Question> list;
  bool single = false;  // one picture, named itself
};

/// Files as they are, folders as the pictures below them.
Questions questions_of(const std::vector<std::string>& arguments) {
  Questions questions;
  for (const std::string& argument : arguments) {
    std::error_code ignored;  // whoever reads the file says what is wrong with it
    if (!std::filesystem::is_directory(argument, ignored)) {
      questions.list.push_back({argument, ""});
      questions.single = arguments.size() == 1;
      continue;
    }
    try {
      auto found = ImageFolder::pictures_below(argument);
      if (found.empty())
        questions.list.push_back({argument, argument + ": there are no pictures in this folder"});
      for (const auto& file : found) questions.list.push_back({file.string(), ""});
    } catch (const Error& error) {
      questions.list.push_back({argument, error.what()});
    }
  }
  return questions;
}

void answer(Classifier& classifier, const Settings& settings, const std::string& file, bool single) {
  const std::vector<std::string>& names = classifier.class_names();
  std::vector<float> p = classifier.probabilities(file);
  std::vector<size_t> order = ranking(p);
  size_t all = p.size(), shown = settings.json ? all : 1;
  if (settings.top > 0) shown = std::min(static_cast<size_t>(settings.top), all);
  if (settings.json) {
    print_json(file, names, p, order, shown);
  } else if (!single || settings.top > 0) {
    print_line(file, names, p, order, shown);
  } else {
    fmt::print("Probability = {:.4f}\nPrediction = {}\n", p[order[0]], article_word(names[order[0]]));
  }
}

int predict(const Settings& settings, Device device) {
  Classifier classifier(settings, device);
  Questions questions = questions_of(settings.pictures);
  int code = 0;
  for (const auto& [file, problem] : questions.list) {
    try {
      if (!problem.empty()) fail(ErrorKind::data, "{}", problem);
      answer(classifier, settings, file, questions.single);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
      code = error.exit_code();
      print_if_possible(stderr, "predict: {}\n", printable(error.what()));
      if (settings.json)
        fmt::print("{}\n", json_text(Config::map({{"schema", 1}, {"file", file}, {"error", error.what()}})));
    }
  }
  return code;
}

}  // namespace
}  // namespace manul

int main(int argc, char** argv) {
  manul::Program program("predict", "Says what pictures show, according to a model in a Keras .h5 file.",
                         "  predict trained_model.h5 dog.jpg\n"
                         "  predict trained_model.h5 --top 2 cat.jpg dog.jpg holidays/\n"
                         "  predict trained_model.h5 --json holidays/ > answers.jsonl\n");
  manul::Settings settings;
  CLI::App& options = program.options();
  options.add_option("model", settings.model, "The model's .h5 file")->required();
  options.add_option("pictures", settings.pictures, "Pictures, or folders of pictures")->required();
  options
      .add_option("--top", settings.top, "One line per picture with this many classes, the likeliest first")
      ->check(manul::integer_in(1, 1000000));
  options.add_flag("--json", settings.json, "One JSON object per line");
  options
      .add_option("--rescale", settings.rescale,
                  "Factor for the pixels 0..255; default: what the file says, else 1/255")
      ->check(manul::number_in(1e-9, 1e9));
  program.add_device_option("cpu");
  program.add_tf32_option();
  return program.run(argc, argv, [&] {
    manul::cpu::set_threads(1);
    return manul::predict(settings, program.device());
  });
}
