#include <algorithm>
#include <filesystem>
#include <numeric>

#include "manul/framework/config/json.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/tools/support/classifier.h"
#include "manul/tools/support/output_file.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/questions.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

struct Settings {
  std::string model;
  std::vector<std::string> pictures;
  int top = 0;           // 0: the prediction alone
  double threshold = 0;  // less likely is "neither"
  bool json = false, csv = false, kaggle = false;
  LabelsFrom labels_from = LabelsFrom::none;
  std::string explain;  // a picture of what was looked at
};

/// What is printed about one picture.
struct Reply {
  std::string file;
  const std::vector<std::string>& names;
  std::vector<float> p;
  std::vector<size_t> order;  // classes from the likeliest on
  std::optional<size_t> label;
  bool certain;  // as likely as asked for

  std::string prediction() const { return certain ? names[order[0]] : "neither"; }
};

/// Of two classes that are equally likely the later one comes first, as p >= 0.5 is a dog.
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

void print_json(const Reply& reply, size_t shown) {
  Config probabilities = Config::map();
  for (size_t i = 0; i < shown; ++i)
    probabilities.set(reply.names[reply.order[i]], shortest(reply.p[reply.order[i]]));
  Config line = Config::map({{"schema", 1},
                             {"file", reply.file},
                             {"prediction", reply.prediction()},
                             {"probability", shortest(reply.p[reply.order[0]])},
                             {"probabilities", probabilities}});
  if (reply.label) line.set("label", reply.names[*reply.label]);
  print_result("{}\n", json_text(line));
}

void print_line(const Reply& reply, size_t shown) {
  std::string line = printable(reply.file) + ":";
  if (!reply.certain) line += " neither,";
  for (size_t i = 0; i < shown; ++i)
    line += fmt::format("{} {} {:.4f}", i ? "," : "", printable(reply.names[reply.order[i]]),
                        reply.p[reply.order[i]]);
  if (reply.label && *reply.label != reply.order[0])
    line += fmt::format(" (wrong, it is {})", printable(reply.names[*reply.label]));
  print_result("{}\n", line);
}

/// Of labels and numbers the names are the columns.
void print_csv_heading(const Settings& settings, const std::vector<std::string>& names, Task task) {
  if (settings.kaggle) return print_result("id,label\n");
  if (task != Task::classify) {
    std::string line = "file";
    for (const std::string& name : names) line += "," + csv_field(name);
    return print_result("{}\n", line);
  }
  std::string line = "file,prediction,probability";
  for (const std::string& name : names) line += "," + csv_field(name);
  print_result("{}{}\n", line, settings.labels_from == LabelsFrom::none ? "" : ",label");
}

void print_csv(const Settings& settings, const Reply& reply) {
  std::string line =
      fmt::format("{},{},{}", csv_field(reply.file), csv_field(reply.prediction()), reply.p[reply.order[0]]);
  for (float p : reply.p) line += fmt::format(",{}", p);
  if (settings.labels_from != LabelsFrom::none)
    line += "," + (reply.label ? csv_field(reply.names[*reply.label]) : "");
  print_result("{}\n", line);
}

/// The name without folder and extension, and of two classes the probability of the second, of more the
/// class.
void print_kaggle(const Reply& reply) {
  std::string id = csv_field(std::filesystem::path(reply.file).stem().string());
  if (reply.p.size() == 2)
    print_result("{},{}\n", id, reply.p[1]);
  else
    print_result("{},{}\n", id, csv_field(reply.prediction()));
}

void print_reply(const Settings& settings, const Reply& reply, bool single) {
  size_t all = reply.p.size(), shown = settings.json ? all : 1;
  if (settings.top > 0) shown = std::min(static_cast<size_t>(settings.top), all);
  if (settings.json) return print_json(reply, shown);
  if (settings.kaggle) return print_kaggle(reply);
  if (settings.csv) return print_csv(settings, reply);
  if (!single || settings.top > 0) return print_line(reply, shown);
  print_result("Probability = {:.4f}\nPrediction = {}\n", reply.p[reply.order[0]],
               printable(article_word(reply.prediction())));
}

/// Labels that are at least as likely as --threshold, or 0.5.
std::vector<size_t> labels_in(const Settings& settings, const std::vector<float>& p) {
  double threshold = settings.threshold > 0 ? settings.threshold : 0.5;
  std::vector<size_t> labels;
  for (size_t i : ranking(p))
    if (p[i] >= threshold) labels.push_back(i);
  return labels;
}

void print_table_json(const Settings& settings, const std::string& file, const Classifier& classifier,
                      const std::vector<float>& values) {
  Config numbers = Config::map(), line = Config::map({{"schema", 1}, {"file", file}});
  const std::vector<std::string>& names = classifier.class_names();
  for (size_t i = 0; i < values.size(); ++i) numbers.set(names[i], shortest(values[i]));
  if (classifier.task() == Task::multilabel) {
    Config::List labels;
    for (size_t i : labels_in(settings, values)) labels.emplace_back(names[i]);
    line.set("labels", std::move(labels));
  }
  line.set(classifier.task() == Task::multilabel ? "probabilities" : "values", numbers);
  print_result("{}\n", json_text(line));
}

/// What a model says that was trained for several labels or for numbers.
void print_table_reply(const Settings& settings, const std::string& file, const Classifier& classifier,
                       const std::vector<float>& values) {
  if (settings.json) return print_table_json(settings, file, classifier, values);
  const std::vector<std::string>& names = classifier.class_names();
  std::string line = settings.csv ? csv_field(file) : "";
  if (settings.csv) {
    for (float value : values) line += fmt::format(",{}", value);
    return print_result("{}\n", line);
  }
  if (classifier.task() == Task::regress)
    for (size_t i = 0; i < values.size(); ++i)
      line += fmt::format("{} {} {:.6g}", i ? "," : "", printable(names[i]), values[i]);
  else
    for (size_t i : labels_in(settings, values))
      line += fmt::format("{} {} {:.4f}", line.empty() ? "" : ",", printable(names[i]), values[i]);
  print_result("{}:{}\n", printable(file), line.empty() ? " none of the labels" : line);
}

/// The picture of --explain: for the likeliest class, or label, or the first number.
void explain(Classifier& classifier, const Settings& settings, const std::string& file,
             const std::vector<float>& p) {
  size_t answer = classifier.task() == Task::regress ? 0 : ranking(p)[0];
  ExplainedPicture shown = classifier.explain({file}, answer);
  save_picture(settings.explain, beside({shown.picture, shown.overlay}));
  print_if_possible(stderr, "What speaks for {} is shown in {}\n",
                    printable(classifier.class_names()[answer]), printable(settings.explain));
}

/// Throws for options that are for classes alone.
void check_task(const Settings& settings, Task task) {
  bool for_classes = settings.top > 0 || settings.kaggle || settings.labels_from != LabelsFrom::none;
  if (task != Task::classify && for_classes)
    fail(ErrorKind::usage,
         "{}: the model was trained for {}; --top, --kaggle and --labels-from are for classes",
         settings.model, task == Task::regress ? "numbers" : "several labels");
}

/// How many of the pictures whose class is known were answered rightly.
struct Score {
  int64_t right = 0, known = 0, unknown = 0;
};

void answer(Classifier& classifier, const Settings& settings, const Question& question, bool single,
            Score& score) {
  if (!question.problem.empty()) fail(ErrorKind::data, "{}", question.problem);
  std::string warning;
  std::vector<float> p = classifier.probabilities(question.file, warning);
  if (!warning.empty()) print_if_possible(stderr, "predict: {}\n", printable(warning));
  if (!settings.explain.empty()) explain(classifier, settings, question.file, p);
  if (classifier.task() != Task::classify) return print_table_reply(settings, question.file, classifier, p);
  Reply reply{question.file, classifier.class_names(), p, ranking(p), {}, true};
  reply.certain = p[reply.order[0]] >= settings.threshold;
  reply.label = label_of(question.file, reply.names, settings.labels_from);
  ++(reply.label ? score.known : score.unknown);
  score.right += reply.label && reply.certain && *reply.label == reply.order[0];
  print_reply(settings, reply, single);
}

void print_score(const Score& score) {
  std::string unknown =
      score.unknown > 0 ? fmt::format("; of {} the class is not known", score.unknown) : std::string();
  double accuracy = score.known > 0 ? static_cast<double>(score.right) / static_cast<double>(score.known) : 0;
  print_if_possible(stderr, "{} of {} right, accuracy {:.4f}{}\n", score.right, score.known, accuracy,
                    unknown);
}

int predict(const Settings& settings, ClassifierOptions options, Device device) {
  options.model = settings.model;
  bool single = is_single_picture(settings.pictures);
  if (!settings.explain.empty()) {
    if (!single) fail(ErrorKind::usage, "explain: it shows one picture; give one");
    require_picture_name(settings.explain, "explain");
    prepare_output_file(settings.explain);
    require_two_files(settings.explain, settings.pictures[0], "the picture");
    require_two_files(settings.explain, settings.model, "the model");
  }
  Classifier classifier(options, device);
  check_task(settings, classifier.task());
  if (settings.csv || settings.kaggle)
    print_csv_heading(settings, classifier.class_names(), classifier.task());
  int code = 0;
  Score score;
  for_each_question(settings.pictures, [&](const Question& question) {
    try {
      answer(classifier, settings, question, single, score);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
      code = error.exit_code();
      print_if_possible(stderr, "predict: {}\n", printable(error.what()));
      if (settings.json)
        print_result(
            "{}\n",
            json_text(Config::map({{"schema", 1}, {"file", question.file}, {"error", error.what()}})));
    }
  });
  if (settings.labels_from != LabelsFrom::none) print_score(score);
  return code;
}

void add_options(CLI::App& options, Settings& settings) {
  options.add_option("model", settings.model, "The model's file, .h5 or .keras")->required();
  options
      .add_option("pictures", settings.pictures,
                  "Pictures, folders of pictures, patterns like 'holidays/*.jpg', or - for names on stdin")
      ->required();
  options
      .add_option("-t,--top", settings.top,
                  "One line per picture with this many classes, the likeliest first")
      ->check(integer_in(1, 1000000));
  options
      .add_option("--threshold", settings.threshold,
                  "Say neither where no class is as likely as this; of several labels, those that are [0.5]")
      ->check(number_in(0, 1));
  options
      .add_option("--explain", settings.explain,
                  "Show in this file (.png or .jpg) what in the picture speaks for the answer")
      ->type_name("FILE");
  auto* json = options.add_flag("-j,--json", settings.json, "One JSON object per line");
  auto* csv =
      options.add_flag("--csv", settings.csv, "Comma-separated values, one line per picture")->excludes(json);
  options
      .add_flag("--kaggle", settings.kaggle,
                "Comma-separated values as Kaggle wants them: id,label; of two classes the label is the "
                "probability "
                "of the second")
      ->excludes(json)
      ->excludes(csv);
  options
      .add_option_function<std::string>(
          "--labels-from",
          [&](const std::string& from) {
            settings.labels_from = from == "name" ? LabelsFrom::name : LabelsFrom::folder;
          },
          "Compare with the class that the file's name begins with, or that its folder is called")
      ->check(CLI::IsMember({"name", "folder"}));
}

}  // namespace
}  // namespace manul

int main(int argc, char** argv) {
  manul::Program program("predict", "Says what pictures show, according to a model in a Keras file.",
                         "  predict trained_model.h5 dog.jpg\n"
                         "  predict trained_model.h5 --top 2 cat.jpg dog.jpg holidays/\n"
                         "  predict trained_model.h5 dog.jpg --explain why.png\n"
                         "  predict trained_model.h5 --json holidays/ > answers.jsonl\n"
                         "  find . -name '*.jpg' | predict trained_model.h5 --csv -\n");
  manul::Settings settings;
  manul::add_options(program.options(), settings);
  manul::ClassifierCommand classifier(program.options());
  program.add_device_option("cpu");
  program.add_tf32_option();
  return program.run(argc, argv, [&] {
    manul::cpu::set_threads(1);
    return manul::predict(settings, classifier.options(), program.device());
  });
}
