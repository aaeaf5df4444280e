#include <fmt/format.h>

#include <algorithm>

#include "manul/data/datasets/image_folder.h"
#include "manul/data/datasets/image_shards.h"
#include "manul/data/datasets/image_table.h"
#include "manul/framework/config/json.h"
#include "manul/framework/error.h"
#include "manul/framework/file_system.h"
#include "manul/framework/stopwatch.h"
#include "manul/tools/support/class_counts.h"
#include "manul/tools/support/classifier.h"
#include "manul/tools/support/evaluation_report.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/questions.h"
#include "manul/tools/support/table_evaluation.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

struct Settings {
  std::string model, data, folder, report;
  bool json = false, csv = false;
  LabelsFrom labels_from = LabelsFrom::folder;
};

/// Pictures whose classes are indices into names.
struct Labelled {
  std::vector<std::string> names;
  std::vector<ImageFolder::File> files;
};

/// The folder's classes in the place of those that the model does not name, in the order of their names as in
/// Keras.
std::vector<std::string> names_for(const Classifier& classifier, const Settings& settings) {
  std::vector<std::string> folders = subfolder_names(settings.data);
  if (classifier.knows_class_names() || folders.size() != classifier.class_names().size())
    return classifier.class_names();
  return folders;
}

Labelled from_folders(const Classifier& classifier, const Settings& settings) {
  Labelled labelled{names_for(classifier, settings), {}};
  IgnoredFiles ignored;
  for (const std::string& folder : subfolder_names(settings.data)) {
    std::filesystem::path path = std::filesystem::path(settings.data) / folder;
    std::optional<size_t> label = label_of((path / "x").string(), labelled.names, LabelsFrom::folder);
    if (auto same = std::find(labelled.names.begin(), labelled.names.end(), folder);
        same != labelled.names.end())
      label = same - labelled.names.begin();
    if (!label)
      fail(ErrorKind::data, "{}: '{}' is none of the model's classes ({}); --classes names them",
           settings.data, folder, fmt::join(labelled.names, ", "));
    for (auto& file : pictures_below(path, ignored))
      labelled.files.push_back({std::move(file), static_cast<int>(*label)});
  }
  if (labelled.files.empty())
    fail(ErrorKind::data,
         "{}: there are no pictures in sub-folders that are called as the classes ({}); --labels-from name "
         "takes the "
         "classes from the names of the files",
         settings.data, fmt::join(labelled.names, ", "));
  return labelled;
}

Labelled from_names(const Classifier& classifier, const Settings& settings) {
  Labelled labelled{classifier.class_names(), {}};
  for (const auto& file : ImageFolder::pictures_below(settings.data)) {
    std::optional<size_t> label = label_of(file.string(), labelled.names, LabelsFrom::name);
    if (!label)
      fail(ErrorKind::data, "{}: the name begins with none of the classes ({})", file.string(),
           fmt::join(labelled.names, ", "));
    labelled.files.push_back({file, static_cast<int>(*label)});
  }
  if (labelled.files.empty())
    fail(ErrorKind::data, "{}: there are no pictures in this folder", settings.data);
  return labelled;
}

/// Those of shards, whose samples say their classes.
Labelled from_shards(const Classifier& classifier, const Settings& settings) {
  std::vector<std::string> names = classifier.class_names();
  if (!classifier.knows_class_names()) {
    ImageFolder found = ImageFolder::scan(settings.data);
    if (found.class_names.size() == names.size()) return {found.class_names, std::move(found.files)};
  }
  ImageFolder found = ImageFolder::scan_for(settings.data, names);
  return {std::move(names), std::move(found.files)};
}

Labelled labelled_pictures(const Classifier& classifier, const Settings& settings) {
  if (settings.labels_from == LabelsFrom::folder && names_shards(settings.data)) return from_shards(classifier, settings);
  subfolder_names(settings.data);  // says what is wrong with the folder
  return settings.labels_from == LabelsFrom::name ? from_names(classifier, settings)
                                                  : from_folders(classifier, settings);
}

/// The pictures that were read, in the order in which they were asked about, and why others were not.
struct Asked {
  std::vector<PictureFile> files;
  std::vector<std::string> unreadable;
};

/// Asks about all pictures, a batch at a time, and calls `add(i, answers)` for each that was read; names
/// those that cannot be.
template <class Add>
Asked ask_all(Classifier& classifier, const std::vector<PictureFile>& files, Add add) {
  constexpr size_t batch = 64;
  Asked asked;
  StatusLine status(Terminal::of_stderr());
  for (size_t first = 0; first < files.size(); first += batch) {
    size_t count = std::min(batch, files.size() - first);
    std::vector<Answer> answers = classifier.answers(std::span(files).subspan(first, count));
    for (size_t i = 0; i < count; ++i) {
      const Answer& answer = answers[i];
      for (const std::string& text : {answer.warning, answer.problem}) {
        if (text.empty()) continue;
        status.erase();
        print_if_possible(stderr, "evaluate: {}\n", printable(text));
      }
      if (!answer.problem.empty()) {
        asked.unreadable.push_back(answer.problem);
        continue;
      }
      add(first + i, answer.probabilities);
      asked.files.push_back(files[first + i]);
    }
    status.show(fmt::format("{} of {} pictures", first + count, files.size()));
  }
  return asked;
}

void print_json(const Settings& settings, const Evaluation& evaluation) {
  Config::List matrix, names;
  Config classes = Config::map();
  for (size_t label = 0; label < evaluation.classes(); ++label) {
    Config::List row;
    for (size_t answer = 0; answer < evaluation.classes(); ++answer)
      row.emplace_back(evaluation.count(label, answer));
    matrix.emplace_back(std::move(row));
    names.emplace_back(evaluation.class_names()[label]);
    classes.set(evaluation.class_names()[label], Config::map({{"precision", evaluation.precision(label)},
                                                              {"recall", evaluation.recall(label)},
                                                              {"f1", evaluation.f1(label)},
                                                              {"images", evaluation.pictures_of(label)}}));
  }
  print_result("{}\n", json_text(Config::map({{"schema", 1},
                                              {"model", settings.model},
                                              {"data", settings.data},
                                              {"images", evaluation.size()},
                                              {"accuracy", evaluation.accuracy()},
                                              {"balanced_accuracy", evaluation.balanced_accuracy()},
                                              {"loss", evaluation.loss()},
                                              {"class_names", std::move(names)},
                                              {"classes", classes},
                                              {"confusion_matrix", std::move(matrix)}})));
}

/// A row a class; the last columns are its row of the confusion matrix.
void print_csv(const Evaluation& evaluation) {
  std::string heading = "class,images,precision,recall,f1";
  for (const std::string& name : evaluation.class_names()) heading += "," + csv_field("answered " + name);
  print_result("{}\n", heading);
  for (size_t label = 0; label < evaluation.classes(); ++label) {
    std::string line = fmt::format("{},{},{},{},{}", csv_field(evaluation.class_names()[label]),
                                   evaluation.pictures_of(label), evaluation.precision(label),
                                   evaluation.recall(label), evaluation.f1(label));
    for (size_t answer = 0; answer < evaluation.classes(); ++answer)
      line += fmt::format(",{}", evaluation.count(label, answer));
    print_result("{}\n", line);
  }
}

void print_text(const Settings& settings, const Evaluation& evaluation) {
  std::vector<int64_t> counts;
  for (size_t i = 0; i < evaluation.classes(); ++i) counts.push_back(evaluation.pictures_of(i));
  print_result("{}: {}\n", printable(settings.data),
               printable(counts_text(evaluation.class_names(), counts)));
  print_result("{}\n\n{}", summary_text(evaluation), report_text(evaluation));
}

void print_table_json(const Settings& settings, const TableEvaluation& evaluation) {
  Config columns = Config::map(), all = Config::map({{"schema", 1},
                                                     {"model", settings.model},
                                                     {"data", settings.data},
                                                     {"images", evaluation.size()}});
  bool labels = evaluation.task() == Task::multilabel;
  if (labels) {
    all.set("accuracy", evaluation.accuracy());
    all.set("exact_match", evaluation.exact_match());
  } else {
    all.set("mean_absolute_error", evaluation.mean_absolute_error());
  }
  for (size_t i = 0; i < evaluation.columns().size(); ++i)
    columns.set(evaluation.columns()[i],
                labels ? Config::map({{"precision", evaluation.precision(i)},
                                      {"recall", evaluation.recall(i)},
                                      {"f1", evaluation.f1(i)},
                                      {"images", evaluation.pictures_of(i)}})
                       : Config::map({{"mean_absolute_error", evaluation.mean_absolute_error(i)},
                                      {"root_mean_squared_error", evaluation.root_mean_squared_error(i)},
                                      {"r_squared", evaluation.r_squared(i)}}));
  all.set("columns", columns);
  print_result("{}\n", json_text(all));
}

void print_table(const Settings& settings, const TableEvaluation& evaluation) {
  if (settings.json) return print_table_json(settings, evaluation);
  if (!settings.csv)
    return print_result("{}: {} images\n{}\n\n{}", printable(settings.data), evaluation.size(),
                        summary_text(evaluation), report_text(evaluation));
  for (const std::vector<std::string>& row : figures_of(evaluation)) {
    std::string line;
    for (const std::string& field : row) {
      if (!line.empty()) line += ',';
      line += csv_field(field);
    }
    print_result("{}\n", line);
  }
}

/// The report, where one is wanted; returns the exit code.
int finish(const Settings& settings, const Classifier& classifier, const Program& program,
           const AnyEvaluation& evaluation, Asked asked, const Stopwatch& watch) {
  int code = asked.unreadable.empty() ? 0 : static_cast<int>(ErrorKind::data);
  if (settings.report.empty()) return code;
  write_evaluation_report(settings.report,
                          {classifier, evaluation, std::move(asked.files), settings.model, settings.data,
                           program.command(), std::move(asked.unreadable), watch.seconds()});
  print_if_possible(stderr, "Report: {}\n",
                    printable((std::filesystem::path(settings.report) / "report.html").string()));
  return code;
}

/// A model of several labels or of numbers: `data` is a table.
int evaluate_table(Classifier& classifier, const Settings& settings, const Program& program) {
  Stopwatch watch;
  bool labels = classifier.task() == Task::multilabel;
  if (is_folder(settings.data))
    fail(ErrorKind::usage,
         "{}: the model was trained for {}, so that a table is needed, the CSV file with the "
         "columns file,{}",
         settings.data, labels ? "several labels" : "numbers", fmt::join(classifier.class_names(), ","));
  std::filesystem::path csv = settings.data;
  ImageTable table = ImageTable::read_for(
      csv, settings.folder.empty() ? csv.parent_path() : std::filesystem::path(settings.folder),
      labels ? TableValues::zero_or_one : TableValues::numbers, classifier.class_names());
  TableEvaluation evaluation(classifier.task(), table.columns);
  std::vector<PictureFile> files;
  for (const auto& path : table.files) files.push_back({path});
  Asked asked = ask_all(classifier, files, [&](size_t i, const std::vector<float>& answers) {
    evaluation.add({table.row(i), table.columns.size()}, answers);
  });
  if (evaluation.size() == 0) fail(ErrorKind::data, "{}: none of the pictures can be read", settings.data);
  print_table(settings, evaluation);
  return finish(settings, classifier, program, evaluation, std::move(asked), watch);
}

int evaluate(const Settings& settings, ClassifierOptions options, const Program& program) {
  options.model = settings.model;
  Classifier classifier(options, program.device());
  if (!settings.report.empty()) prepare_report_folder(settings.report);
  if (classifier.task() != Task::classify) return evaluate_table(classifier, settings, program);
  Stopwatch watch;
  Labelled labelled = labelled_pictures(classifier, settings);
  Evaluation evaluation(labelled.names);
  Asked asked = ask_all(classifier, labelled.files, [&](size_t i, const std::vector<float>& answers) {
    evaluation.add(labelled.files[i].label, answers);
  });
  if (evaluation.size() == 0) fail(ErrorKind::data, "{}: none of the pictures can be read", settings.data);
  if (settings.json)
    print_json(settings, evaluation);
  else if (settings.csv)
    print_csv(evaluation);
  else
    print_text(settings, evaluation);
  return finish(settings, classifier, program, evaluation, std::move(asked), watch);
}

}  // namespace
}  // namespace manul

int main(int argc, char** argv) {
  manul::Program program("evaluate",
                         "Says how good a model in a Keras file is on a folder of pictures, one sub-folder a "
                         "class, or on the table "
                         "of a model that was trained on one.",
                         "  evaluate trained_model.h5 test_set\n"
                         "  evaluate trained_model.h5 --labels-from name pictures/\n"
                         "  evaluate trained_model.h5 test_set --json\n"
                         "  evaluate trained_model.h5 'shards/test-{000..009}.tar'\n"
                         "  evaluate trained_model.h5 test_set --report report\n");
  manul::Settings settings;
  CLI::App& options = program.options();
  options.add_option("model", settings.model, "The model's file, .h5 or .keras")->required();
  options.add_option("data", settings.data, "The folder, shards as for train, or the CSV file")->required();
  options.add_option("--folder", settings.folder, "Where the files of a table are; default: beside it")
      ->type_name("DIR");
  auto* json = options.add_flag("-j,--json", settings.json, "One JSON object");
  options
      .add_flag("--csv", settings.csv,
                "Comma-separated values: a row a class, with its row of the confusion matrix")
      ->excludes(json);
  options
      .add_option(
          "--report", settings.report,
          "Write a page with all of it, pictures, mistakes and what was looked at, to this new folder")
      ->type_name("DIR");
  options
      .add_option_function<std::string>(
          "--labels-from",
          [&](const std::string& from) {
            settings.labels_from = from == "name" ? manul::LabelsFrom::name : manul::LabelsFrom::folder;
          },
          "Where the classes are: in the names of the sub-folders, or at the beginning of the files' names")
      ->check(CLI::IsMember({"folder", "name"}))
      ->default_str("folder");
  manul::ClassifierCommand classifier(options);
  program.add_device_option();
  program.add_tf32_option();
  program.add_threads_option();
  return program.run(argc, argv, [&] { return manul::evaluate(settings, classifier.options(), program); });
}
