#include "manul/tools/support/train_options.h"

#include "manul/framework/error.h"
#include "manul/framework/utf8.h"

namespace manul {
namespace {

/// Each is the key under which files have the options of its runs.
constexpr const char* training_programs[] = {"train_catdog", "train"};

}  // namespace

Task task_of(const TrainOptions& options) {
  Task by_data = !options.targets.empty()  ? Task::regress
                 : !options.labels.empty() ? Task::multilabel
                                           : Task::classify;
  Task task = options.task.empty() ? by_data : parse_task(options.task);
  if (!options.labels.empty() && !options.targets.empty())
    fail(ErrorKind::usage, "labels: {} are for several labels, --targets {} for numbers; give one of them",
         options.labels, options.targets);
  if (task == by_data) return task;
  fail(ErrorKind::usage, "task: {} needs {}, and what was given is for {}", name_of(task),
       task == Task::classify  ? "a folder with a sub-folder a class, --data, alone"
       : task == Task::regress ? "a table of numbers, --targets FILE.csv"
                               : "a table of labels, --labels FILE.csv",
       name_of(by_data));
}

std::string metric_of(Task task) {
  switch (task) {
    case Task::classify:
      return "accuracy";
    case Task::multilabel:
      return "binary_accuracy";
    case Task::regress:
      return "mae";
  }
  return {};
}

std::string monitor_of(const TrainOptions& options, bool validated) {
  if (options.monitor.empty()) return validated ? "val_loss" : "loss";
  std::string column = options.monitor.substr(options.monitor.starts_with("val_") ? 4 : 0);
  if (std::string metric = metric_of(task_of(options)); column != "loss" && column != metric)
    fail(ErrorKind::usage, "monitor: there is no {} where the task is {}, but loss and {}", options.monitor,
         name_of(task_of(options)), metric);
  if (options.monitor.starts_with("val_") && !validated)
    fail(ErrorKind::usage, "monitor: there is no {} without validation pictures", options.monitor);
  return options.monitor;
}

bool keeps_best(const TrainOptions& options) {
  return options.keep.empty() ? options.patience > 0 : options.keep == "best";
}

Config TrainCommand::values() const {
  Config values = Config::map();
  for (const Remembered& each : remembered_) values.set(each.option->get_name(), utf8_of_name(each.text()));
  return values;
}

void TrainCommand::save(TrainingState& state) const {
  state.values.set(program_, values());
}

void TrainCommand::take_from(const TrainingState& state) {
  const Config* values = state.values.find(program_);
  if (!values) fail(ErrorKind::usage, "resume: {} holds no interrupted run of {}", options.output, program_);
  for (const Remembered& each : remembered_) {
    const Config* saved = values->find(each.option->get_name());
    if (!saved) continue;
    std::string before = each.normal(name_of_utf8(saved->as_string())), now = each.text();
    if (each.option->count() == 0)
      each.take(before);
    else if (each.is_fixed && before != now)
      fail(ErrorKind::usage, "resume: {} was {} in the interrupted run and is now {}",
           each.option->get_name(), before, now);
  }
}

const Config* options_of_run(const Config& state_values) {
  for (const char* program : training_programs)
    if (const Config* options = state_values.find(program)) return options;
  return nullptr;
}

}  // namespace manul
