#include "manul/tools/support/training_run.h"

#include <filesystem>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/file_system.h"
#include "manul/framework/warning.h"
#include "manul/models/training/progress_bar.h"
#include "manul/models/zoo/catdog.h"
#include "manul/tools/support/data_check.h"
#include "manul/tools/support/output_file.h"
#include "manul/tools/support/stop_signal.h"
#include "manul/tools/support/terminal.h"
#include "manul/tools/support/training_check.h"
#include "manul/tools/support/training_checkpoints.h"
#include "manul/tools/support/training_end.h"
#include "manul/tools/support/training_report.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

Model new_model(const TrainOptions& options, const std::vector<std::string>& class_names, Device device) {
  if (int64_t smallest = 3 + options.stride;
      options.size < smallest)  // two windows of three pixels, to be pooled
    fail(ErrorKind::usage, "size: {} pixels are too few for a stride of {}, at least {} are needed",
         options.size, options.stride, smallest);
  CatdogOptions network{.size = options.size,
                        .classes = static_cast<int64_t>(class_names.size()),
                        .strides = options.stride,
                        .channels = options.gray ? 1 : 3};
  Model model = catdog_network(network);
  model.compile(Adam({.learning_rate = options.learning_rate}), catdog_loss(network), {Metric::accuracy},
                {.device = device, .seed = options.seed});
  model.preprocessing = {class_names, 1.0 / 255, options.interpolation};
  return model;
}

fs::path history_file(const TrainOptions& options) {
  return fs::path(options.output).parent_path() / "history.csv";
}

/// At least: weights, what the optimizer keeps of them, and the best epoch's.
int64_t bytes_of_file(const Model& model) {
  return static_cast<int64_t>(4 * model.parameters().values().bytes());
}

History fit(Model& model, const TrainCommand& command, const Pictures& pictures, BestEpoch& best,
            CSVLogger& csv, const StopSignal& signal) {
  const TrainOptions& options = command.options;
  Checkpoints checkpoints(command, *pictures.train);
  TerminateOnNaN nan_guard;
  ProgressBar bar({.verbose = options.quiet ? Verbose::none : Verbose::bar,
                   .unit = "pictures",
                   .print = [](const std::string& line) {
                     print_if_possible(stdout, "{}\n", line);
                     std::fflush(stdout);
                   }});
  std::vector<Callback*> callbacks{&checkpoints, &csv, &nan_guard, &best, &bar};
  int64_t steps_before = model.state().read().iteration;
  if (options.resume) BestEpoch::prepare_resume(model, options.patience);
  History history = model.fit(*pictures.train, {.epochs = options.epochs,
                                                .batch_size = options.batch,
                                                .steps_per_execution = model.device().is_cuda() ? 8 : 1,
                                                .validation = pictures.validation.get(),
                                                .callbacks = callbacks,
                                                .resume = options.resume,
                                                .stop = &signal.flag()});
  print_end(options, history, best, model.state().read().iteration != steps_before);
  return history;
}

void tell(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) warn_text(warning);
}

/// best.h5 and last.h5 of the run's folder; one of them is --output.
void save_both(const RunFolder& folder, Model& model, const TrainOptions& options, const History& history,
               const BestEpoch& best) {
  bool kept_best = keeps_best(options) && best.has_best(), same = best.epoch() + 1 == history.epochs().size();
  folder.add(kept_best ? "best.h5" : "last.h5", options.output);
  if (!best.has_best()) return;
  if (same) return folder.add(kept_best ? "last.h5" : "best.h5", options.output);
  best.choose(model, !kept_best);
  model.save(folder.file(kept_best ? "last.h5" : "best.h5").string());
}

/// Saves what a fit has reached; returns the exit code.
int save_result(const Program& program, Model& model, const TrainCommand& command, const Pictures& pictures,
                const History& history, const BestEpoch& best, const RunFolder* folder,
                const Stopwatch& watch, const StopSignal& signal) {
  const TrainOptions& options = command.options;
  if (history.stop_reason == StopReason::not_finite)
    fail(ErrorKind::failed,
         "the loss is no longer a finite number, so nothing was saved; try a smaller --lr than {}",
         options.learning_rate);
  bool interrupted = history.stop_reason == StopReason::requested;  // the model has its last weights
  if (!interrupted) best.choose(model, keeps_best(options) && best.has_best());
  model.save(options.output);
  if (interrupted) {
    print_if_possible(stderr, "Stopped in epoch {} after {} steps and saved {}. Go on with --resume.\n",
                      history.stopped_epoch + 1, history.stopped_step, printable(options.output));
    return signal.exit_code();
  }
  Evaluation evaluation = evaluation_of(model, pictures.validation ? *pictures.validation : *pictures.train);
  std::vector<std::string> warnings = warnings_about_training(history, options, evaluation);
  tell(warnings);
  if (folder && !history.epochs().empty()) {
    std::vector<std::string> all = warnings_about_data(pictures);
    all.insert(all.end(), warnings.begin(), warnings.end());
    write_report(*folder, {command, model, pictures, history, best, evaluation, all, program.command(),
                           kept_text(options, history, best), watch.seconds()});
    save_both(*folder, model, options, history, best);
  }
  print_summary(options, pictures, history, best, folder);
  return 0;
}

void print_device(const Program& program, const TrainOptions& options, Device device) {
  if (options.quiet) return;
  print_if_possible(stdout, "Device: {}, {} {}. Seed: {}\n", device.name(), cpu::threads(),
                    cpu::threads() == 1 ? "thread" : "threads", options.seed);
  if (!program.why_not_gpu().empty())
    print_if_possible(stdout, "No GPU is used: {}\n", printable(program.why_not_gpu()));
}

int train(Program& program, TrainCommand& command, const StopSignal& signal) {
  TrainOptions& options = command.options;
  Device device = program.device(false);
  prepare_output_file(options.output);
  prepare_output_file(history_file(options));
  require_two_files(options.output, history_file(options), "the history");
  std::optional<Model> interrupted;
  if (options.resume) {
    interrupted = Model::load(options.output, {.device = device, .training = true});
    command.take_from(interrupted->training_state);
  }
  print_device(program, options, device);
  bool replaces = !options.resume && file_type(options.output, ErrorKind::usage) != FileType::missing;
  if (replaces && !options.quiet)
    print_if_possible(stdout, "{} is there already and will be replaced at the end\n",
                      printable(options.output));

  PictureFolders folders = find_pictures(options, signal.flag());
  options.monitor = monitor_of(options, folders.validation.has_value());
  const std::vector<std::string>& class_names = folders.train.class_names;
  Model model = interrupted ? std::move(*interrupted) : new_model(options, class_names, device);
  if (model.preprocessing.class_names != class_names)
    fail(ErrorKind::data, "resume: the data has other classes than the interrupted run");
  prepare_output_file(options.output, bytes_of_file(model));
  Pictures pictures = read_pictures(folders, options, device, signal.flag());
  tell(warnings_about_data(pictures));
  if (!options.quiet) print_if_possible(stdout, "{}", model.summary());
  signal.announce_saving();
  std::optional<RunFolder> folder;
  if (!options.no_run_folder) {
    folder.emplace(options.project, options.name);
    folder->keep_log();
    write_arguments(*folder, command, program.command(), device);
  }
  Stopwatch watch;
  CSVLogger csv(history_file(options).string(), 1);
  BestEpoch best(options.monitor, options.patience);
  History history = fit(model, command, pictures, best, csv, signal);
  int code = save_result(program, model, command, pictures, history, best, folder ? &*folder : nullptr, watch,
                         signal);
  if (folder && csv.problem().empty() && !history.epochs().empty())
    folder->add("history.csv", history_file(options));
  if (code == 0 && !csv.problem().empty())
    fail(ErrorKind::failed, "history: {}; the model is saved", csv.problem());
  return code;
}

/// An error while it is being stopped, before there is anything to save, is how the work ends at once.
int train_unless_stopped(Program& program, TrainCommand& command, const StopSignal& signal) {
  try {
    return train(program, command, signal);
  } catch (const Error&) {
    if (int code = signal.exit_code(); code != 0 && !signal.saves()) return code;
    throw;
  }
}

}  // namespace

int run_training(Program& program, int argc, char** argv) {
  TrainCommand command(program);
  return program.run(argc, argv, [&] {
    StopSignal signal;
    return train_unless_stopped(program, command, signal);
  });
}

}  // namespace manul
