#include "manul/tools/support/training_run.h"

#include <filesystem>
#include <optional>

#include "manul/framework/cpu/parallel.h"
#include "manul/framework/distributed/communicator.h"
#include "manul/framework/file_system.h"
#include "manul/framework/utf8.h"
#include "manul/framework/warning.h"
#include "manul/models/graph/layer_table.h"
#include "manul/models/training/callbacks/tensor_board.h"
#include "manul/models/training/progress_bar.h"
#include "manul/tools/support/class_counts.h"
#include "manul/tools/support/data_check.h"
#include "manul/tools/support/json_log.h"
#include "manul/tools/support/output_file.h"
#include "manul/tools/support/stop_signal.h"
#include "manul/tools/support/tensorboard_pictures.h"
#include "manul/tools/support/terminal.h"
#include "manul/tools/support/trained_network.h"
#include "manul/tools/support/training_check.h"
#include "manul/tools/support/training_checkpoints.h"
#include "manul/tools/support/training_end.h"
#include "manul/tools/support/training_report.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

fs::path history_file(const TrainOptions& options) {
  return fs::path(options.output).parent_path() / "history.csv";
}

/// At least: weights, what the optimizer keeps of them, and the best epoch's.
int64_t bytes_of_file(const Model& model) {
  return static_cast<int64_t>(4 * model.parameters().values().bytes());
}

/// Each class counts as much as the others: its pictures number / (classes * its own).
ClassWeights class_weights(const TrainOptions& options, const ImageDataset& train) {
  ClassWeights weights;
  if (options.class_weight != "balanced") return weights;
  std::vector<int64_t> counts = class_counts(train.files(), train.class_names().size());
  for (size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0)
      weights[static_cast<int64_t>(i)] = static_cast<double>(train.size()) /
                                         static_cast<double>(counts.size() * static_cast<size_t>(counts[i]));
  return weights;
}

History fit(Model& model, const TrainCommand& command, const Pictures& pictures, BestEpoch& best,
            CSVLogger& csv, const StopSignal& signal, const std::vector<Callback*>& more) {
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
  callbacks.insert(callbacks.end(), more.begin(), more.end());
  int64_t steps_before = model.state().read().iteration;
  if (options.resume) BestEpoch::prepare_resume(model, options.patience);
  History history = model.fit(*pictures.train, {.epochs = options.epochs,
                                                .batch_size = options.batch,
                                                .steps_per_execution = model.device().is_cuda() ? 8 : 1,
                                                .validation = pictures.validation.get(),
                                                .class_weight = class_weights(options, *pictures.train),
                                                .callbacks = callbacks,
                                                .resume = options.resume,
                                                .stop = &signal.flag()});
  print_end(options, history, best, model.state().read().iteration != steps_before);
  return history;
}

void tell(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) warn_text(warning);
}

/// best.h5 and last.h5 of the run's folder, or .keras as --output, which is one of them.
void save_both(const RunFolder& folder, Model& model, const TrainOptions& options, const History& history,
               const BestEpoch& best) {
  std::string ending = options.output.ends_with(".keras") ? ".keras" : ".h5", best_file = "best" + ending,
              last_file = "last" + ending;
  bool kept_best = keeps_best(options) && best.has_best(), same = best.epoch() + 1 == history.epochs().size();
  folder.add(kept_best ? best_file : last_file, options.output);
  if (!best.has_best()) return;
  if (same) return folder.add(kept_best ? last_file : best_file, options.output);
  best.choose(model, !kept_best);
  model.save(folder.file(kept_best ? last_file : best_file).string());
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
  if (!processes().is_first()) return signal.exit_code();
  bool interrupted = history.stop_reason == StopReason::requested;  // the model has its last weights
  if (!interrupted) best.choose(model, keeps_best(options) && best.has_best());
  model.save(options.output);
  if (interrupted) {
    print_if_possible(stderr, "Stopped in epoch {} after {} steps and saved {}. Go on with --resume.\n",
                      history.stopped_epoch + 1, history.stopped_step, printable(options.output));
    return signal.exit_code();
  }
  AnyEvaluation evaluation = any_evaluation_of(
      model, pictures.validation ? *pictures.validation : *pictures.train, task_of(options));
  std::vector<std::string> warnings = warnings_about_training(history, options, evaluation);
  tell(warnings);
  if (folder && !history.epochs().empty()) {
    std::vector<std::string> all = warnings_about_data(pictures);
    all.insert(all.end(), warnings.begin(), warnings.end());
    write_report(*folder, {command, model, pictures, history, best, evaluation, all, program.command(),
                           kept_text(options, history, best), watch.seconds()});
    save_both(*folder, model, options, history, best);
    if (options.tensorboard)
      write_tensorboard_pictures(*folder, command.values(), static_cast<int64_t>(history.epochs().size()));
  }
  print_summary(options, pictures, history, best, folder);
  return signal.exit_code();  // of a reader that left at the very end
}

void print_device(const Program& program, const TrainOptions& options, Device device) {
  if (options.quiet) return;
  int count = processes().size();
  std::string together = count > 1 ? fmt::format("{} processes, in each ", count) : "";
  print_if_possible(stdout, "Device: {}{}, {} {}. Seed: {}\n", together, device.name(), cpu::threads(),
                    cpu::threads() == 1 ? "thread" : "threads", options.seed);
  if (!program.why_not_gpu().empty())
    print_if_possible(stdout, "No GPU is used: {}\n", printable(program.why_not_gpu()));
}

/// What can be said before anything is read.
void check_options(const TrainCommand& command) {
  const TrainOptions& options = command.options;
  Task task = task_of(options);
  if (!command.is_catdog() && options.model.empty() && !options.resume)
    fail(ErrorKind::usage,
         "model: which network is to be trained? --model NAME or FILE; --help has the names");
  if (!command.is_catdog() && task == Task::classify && options.data.empty() && !options.resume)
    fail(ErrorKind::usage,
         "data: a folder with a sub-folder a class is needed, --data DIR, or a table of the "
         "pictures, --labels FILE.csv or --targets FILE.csv");
  if (task != Task::classify && options.class_weight != "none")
    fail(ErrorKind::usage, "class-weight: there are no classes where the task is {}", name_of(task));
  std::string ending = fs::path(options.output).extension();
  if (!ending.empty() && ending != ".h5" && ending != ".hdf5" && ending != ".keras" && !options.resume)
    fail(ErrorKind::usage, "output: {} would be no {} file; models are written as .h5 or .keras",
         options.output, ending);
  if (options.tensorboard && options.no_run_folder)
    fail(ErrorKind::usage,
         "tensorboard: its files lie in the run's folder, which --no-run-folder does without");
  if (options.output.ends_with(".weights.h5"))
    fail(ErrorKind::usage, "output: {} would hold weights alone; a whole model is .h5 or .keras",
         options.output);
}

/// The run that --resume goes on with, whose options the command takes; nothing without it.
std::optional<Model> interrupted_run(TrainCommand& command, Device device) {
  const TrainOptions& options = command.options;
  if (!options.resume) return std::nullopt;
  Model model = Model::load(options.output, {.device = device, .training = true});
  command.take_from(model.training_state);
  check_options(command);
  const Config* before = options_of_run(model.training_state.values);
  if (std::string epochs = before->get("--epochs", "");
      options.schedule == "cosine" && epochs != fmt::format("{}", options.epochs))
    fail(ErrorKind::usage,
         "epochs: the learning rate of this run falls along a cosine to 0 in epoch {}; other --epochs begin "
         "anew "
         "with --weights {}",
         epochs, options.output);
  return model;
}

Config text_of_path(const std::string& path) {
  return utf8_of_name(path);
}

/// What --log-json says before the first epoch.
Config start_of_run(const Program& program, const TrainCommand& command, const Pictures& pictures,
                    Device device, const RunFolder* folder) {
  Config line = Config::map({{"schema", 1},
                             {"command", text_of_path(program.command())},
                             {"version", version_text()},
                             {"device", device.name()},
                             {"output", text_of_path(command.options.output)},
                             {"training_images", pictures.train->size()},
                             {"validation_images", pictures.validation ? pictures.validation->size() : 0},
                             {"options", command.values()}});
  line.set("run_folder", folder ? text_of_path(folder->path().string()) : Config());
  return line;
}

/// And behind the last one.
Config end_of_run(const TrainOptions& options, const History& history, const BestEpoch& best, double seconds,
                  int code) {
  const char* reasons[] = {"finished", "early_stopping", "not_finite", "requested"};
  Config line = Config::map({{"reason", reasons[static_cast<int>(history.stop_reason)]},
                             {"epochs", static_cast<int64_t>(history.epochs().size())},
                             {"seconds", seconds},
                             {"output", text_of_path(options.output)},
                             {"exit_code", code}});
  line.set("best_epoch", best.has_best() ? Config(static_cast<int64_t>(best.epoch()) + 1) : Config());
  return line;
}

/// The pictures that a command without --data draws are drawn by the first process alone. If that is stopped
/// meanwhile, all are.
PictureSources find_pictures_in_turn(const TrainOptions& options, const std::atomic<bool>& stop) {
  const Communicator& all = processes();
  if (all.is_alone()) return find_pictures(options, stop);
  std::optional<PictureSources> sources;
  std::string why_stopped;
  if (all.is_first()) try {
      sources = find_pictures(options, stop);
    } catch (const Error& error) {
      if (!stop) throw;  // which ends the others
      why_stopped = error.what();
    }
  all.barrier();
  int64_t stopped[] = {!why_stopped.empty()};
  all.max(stopped);
  if (stopped[0] != 0)
    fail(ErrorKind::failed, "{}", all.is_first() ? why_stopped : "stopped: the first process is to end");
  return all.is_first() ? std::move(*sources) : find_pictures(options, stop);
}

int train(Program& program, TrainCommand& command, const StopSignal& signal) {
  TrainOptions& options = command.options;
  std::shared_ptr<JsonLog> log;
  const Communicator& all = processes();
  if (!options.log_json.empty() && all.is_first()) {
    log = std::make_shared<JsonLog>(options.log_json);
    program.tell_also([log](const std::string& kind, const std::string& text) {
      log->write(kind, Config::map({{"text", utf8_of_name(text)}}));
    });
  }
  Device device = program.device(false);
  check_options(command);
  bool keeps_run = !options.no_run_folder && all.is_first();
  if (all.is_first()) {
    prepare_output_file(options.output);
    prepare_output_file(history_file(options));
    require_two_files(options.output, history_file(options), "the history");
  }
  if (keeps_run) RunFolder::require_place(options.project, options.name);
  std::optional<Model> interrupted = interrupted_run(command, device);
  print_device(program, options, device);
  bool replaces = !options.resume && file_type(options.output, ErrorKind::usage) != FileType::missing;
  if (replaces && !options.quiet)
    print_if_possible(stdout, "{} is there already and will be replaced at the end\n",
                      printable(options.output));

  if (!command.is_catdog()) options.task = name_of(task_of(options));  // for the file, which predict asks
  PictureSources sources = find_pictures_in_turn(options, signal.flag());
  options.monitor = monitor_of(options, sources.validation.has_value());
  int64_t steps = (sources.size() + options.batch - 1) / options.batch;
  NewNetwork network = interrupted ? NewNetwork{std::move(*interrupted), {}}
                                   : new_network(command, sources.names(), steps, device);
  Model& model = network.model;
  model.optimizer().sum_in_bf16(options.bf16_sums);
  if (model.preprocessing.class_names != sources.names())
    fail(ErrorKind::data, "resume: the data has other {} than the interrupted run",
         task_of(options) == Task::classify ? "classes" : "columns");
  if (all.is_first()) prepare_output_file(options.output, bytes_of_file(model));
  for (const std::string& remark : network.remarks)
    if (!options.quiet) print_if_possible(stdout, "{}\n", printable(remark));
  Pictures pictures = read_pictures(sources, options, model, signal.flag());
  tell(warnings_about_data(pictures));
  if (!options.quiet) print_if_possible(stdout, "{}", printable_lines(layer_table(model)));
  signal.announce_saving();
  std::optional<RunFolder> folder;
  if (keeps_run) {
    folder.emplace(options.project, options.name);
    folder->keep_log();
    write_arguments(*folder, command, program.command(), device);
  }
  Stopwatch watch;
  CSVLogger csv(history_file(options).string(), 1);
  BestEpoch best(options.monitor, options.patience);
  std::optional<TensorBoard> board;
  std::vector<Callback*> more;
  if (options.tensorboard && folder)
    more.push_back(&board.emplace(
        TensorBoardOptions{.log_dir = folder->file(tensorboard_folder).string(), .first_epoch = 1}));
  if (log) more.push_back(log.get());
  if (log) log->write("start", start_of_run(program, command, pictures, device, folder ? &*folder : nullptr));
  History history = fit(model, command, pictures, best, csv, signal, more);
  int code = save_result(program, model, command, pictures, history, best, folder ? &*folder : nullptr, watch,
                         signal);
  if (log) log->write("end", end_of_run(options, history, best, watch.seconds(), code));
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
    join_processes();
    StopSignal signal;
    return train_unless_stopped(program, command, signal);
  });
}

}  // namespace manul
