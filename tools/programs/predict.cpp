#include <algorithm>
#include <numeric>

#include "manul/data/datasets/image_folder.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/file_system.h"
#include "manul/models/keras/json.h"
#include "manul/tools/support/classifier.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

struct Settings {
  ClassifierOptions classifier;
  std::vector<std::string> pictures;
  int top = 0;  // 0: the prediction alone
  bool json = false;
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
  print_result("{}\n", json_text(Config::map({{"schema", 1},
                                              {"file", file},
                                              {"prediction", names[order[0]]},
                                              {"probability", shortest(p[order[0]])},
                                              {"probabilities", probabilities}})));
}

void print_line(const std::string& file, const std::vector<std::string>& names, const std::vector<float>& p,
                const std::vector<size_t>& order, size_t shown) {
  std::string line = printable(file) + ":";
  for (size_t i = 0; i < shown; ++i)
    line += fmt::format("{} {} {:.4f}", i ? "," : "", printable(names[order[i]]), p[order[i]]);
  print_result("{}\n", line);
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
    if (!is_folder(argument)) {
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
  std::string warning;
  std::vector<float> p = classifier.probabilities(file, warning);
  if (!warning.empty()) print_if_possible(stderr, "predict: {}\n", printable(warning));
  std::vector<size_t> order = ranking(p);
  size_t all = p.size(), shown = settings.json ? all : 1;
  if (settings.top > 0) shown = std::min(static_cast<size_t>(settings.top), all);
  if (settings.json) {
    print_json(file, names, p, order, shown);
  } else if (!single || settings.top > 0) {
    print_line(file, names, p, order, shown);
  } else {
    print_result("Probability = {:.4f}\nPrediction = {}\n", p[order[0]],
                 printable(article_word(names[order[0]])));
  }
}

int predict(const Settings& settings, Device device) {
  Classifier classifier(settings.classifier, device);
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
        print_result("{}\n",
                     json_text(Config::map({{"schema", 1}, {"file", file}, {"error", error.what()}})));
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
  manul::ClassifierOptions& classifier = settings.classifier;
  options.add_option("model", classifier.model, "The model's .h5 file")->required();
  options.add_option("pictures", settings.pictures, "Pictures, or folders of pictures")->required();
  options
      .add_option("--top", settings.top, "One line per picture with this many classes, the likeliest first")
      ->check(manul::integer_in(1, 1000000));
  options.add_flag("--json", settings.json, "One JSON object per line");
  options.option_defaults()->group("What the model's file does not say");
  options
      .add_option("--rescale", classifier.rescale,
                  "Factor for the pixels 0..255; default: what the file says, 1 if the model rescales them "
                  "itself, else "
                  "1/255")
      ->check(manul::number_in(1e-9, 1e9));
  options
      .add_option("--offset", classifier.offset,
                  "Added to the pixels after that: -1 with --rescale 0.00784313725")
      ->check(manul::number_in(-1e9, 1e9));
  options
      .add_option("--interpolation", classifier.interpolation, "How pictures are resized; default: nearest")
      ->check(manul::interpolation_name());
  std::string classes;
  options.add_option("--classes", classes, "Names of the classes, in the order of the outputs: cat,dog");
  options.add_flag("--from-logits", classifier.from_logits,
                   "The outputs are logits: a sigmoid or a softmax makes probabilities of them");
  options.add_option("--output-layer", classifier.output,
                     "The output that is meant, where the model has several");
  options.option_defaults()->group("Options");
  program.add_device_option("cpu");
  program.add_tf32_option();
  return program.run(argc, argv, [&] {
    manul::cpu::set_threads(1);
    if (!classes.empty()) classifier.class_names = CLI::detail::split(classes, ',');
    return manul::predict(settings, program.device());
  });
}
