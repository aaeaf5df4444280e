#include "manul/tools/support/train_options.h"

#include <type_traits>

#include "manul/framework/error.h"
#include "manul/framework/utf8.h"

namespace manul {
namespace {

/// Each is the key under which files have the options of its runs.
constexpr const char* training_programs[] = {"train_catdog", "train"};

/// As if the option had been given.
void take_value(CLI::Option& option, const std::string& text) {
  if (text.empty()) return;
  try {
    option.add_result(text);
    option.run_callback();
  } catch (const CLI::Error& error) {
    fail(ErrorKind::model_file, "resume: the file says {} '{}', which cannot be: {}", option.get_name(), text,
         error.what());
  }
}

}  // namespace

std::string monitor_of(const TrainOptions& options, bool validated) {
  if (options.monitor.empty()) return validated ? "val_loss" : "loss";
  if (options.monitor.starts_with("val_") && !validated)
    fail(ErrorKind::usage, "monitor: there is no {} without validation pictures", options.monitor);
  return options.monitor;
}

bool keeps_best(const TrainOptions& options) {
  return options.keep.empty() ? options.patience > 0 : options.keep == "best";
}

/// An option whose value a resumed run takes over unless another is given.
template <class Value>
CLI::Option* TrainCommand::remembered(CLI::Option* option, Value& value, bool is_fixed) {
  option->capture_default_str();
  auto read = [=, initially = value](const std::string& text) {
    if (text.empty() && !std::is_same_v<Value, std::string>)
      return initially;  // a file of an earlier version
    Value found{};
    if (!CLI::detail::lexical_cast(text, found))
      fail(ErrorKind::model_file, "resume: the file says {} '{}', which is no value of it",
           option->get_name(), text);
    return found;
  };
  remembered_.push_back({option, is_fixed, [&value] { return fmt::format("{}", value); },
                         [=](const std::string& text) { return fmt::format("{}", read(text)); },
                         [=](const std::string& text) { take_value(*option, text); }});
  return option;
}

/// An option that decides the result: a resumed run must have the same.
template <class Value>
CLI::Option* TrainCommand::fixed(CLI::Option* option, Value& value) {
  return remembered(option, value, true);
}

TrainCommand::TrainCommand(Program& program) : program_(program.options().get_name()) {
  CLI::App& app = program.options();
  app.option_defaults()->group("Data");
  add_data_options(app);
  app.option_defaults()->group("Augmentation of the training pictures, as in Keras' ImageDataGenerator");
  add_augmentation_options(app);
  app.option_defaults()->group("Training");
  add_training_options(app);
  app.option_defaults()->group("Options");
  program.add_device_option();
  program.add_tf32_option();
  program.add_threads_option();
  app.add_flag("-q,--quiet", options.quiet, "Print only warnings and errors");
}

void TrainCommand::add_data_options(CLI::App& app) {
  remembered(
      app.add_option("-d,--data", options.data,
                     "Folder with one sub-folder of pictures per class; without it, drawn cats and dogs"),
      options.data);
  auto* validation = remembered(app.add_option("--validation", options.validation,
                                               "Folder to validate on; default: test_set beside the data"),
                                options.validation);
  auto* split =
      fixed(app.add_option("--split", options.split, "Validate on this fraction of the data instead"),
            options.split)
          ->check(number_in(0, 0.99))
          ->excludes(validation);
  fixed(app.add_option("--split-order", options.split_order,
                       "Which of each class --split takes: drawn by the seed, or the first as in Keras"),
        options.split_order)
      ->check(CLI::IsMember({"shuffled", "first"}));
  remembered(app.add_flag("--no-validation", options.no_validation, "Do without validation"),
             options.no_validation)
      ->excludes(validation)
      ->excludes(split);
  fixed(app.add_option("--size", options.size, "Side of the pictures in pixels"), options.size)
      ->check(integer_in(8, 2048));
  fixed(app.add_option("--interpolation", options.interpolation, "How pictures are resized"),
        options.interpolation)
      ->check(interpolation_name());
  fixed(app.add_option("--on-bad-image", options.on_bad_image, "What to do about damaged pictures"),
        options.on_bad_image)
      ->check(CLI::IsMember({"skip", "fail"}));
  fixed(app.add_flag("--gray", options.gray, "Train on gray pictures, of one channel"), options.gray);
  fixed(app.add_flag("--keep-aspect", options.keep_aspect,
                     "Cut the middle square out of each picture instead of distorting it"),
        options.keep_aspect);
  fixed(app.add_flag("--exif-orientation", options.exif_orientation,
                     "Turn JPEG pictures as a viewer shows them; Keras does not"),
        options.exif_orientation);
  fixed(app.add_flag("--tolerant", options.tolerant,
                     "Take damaged JPEG pictures as far as a viewer would show them"),
        options.tolerant);
  app.add_option("--cache-mb", options.cache_mb, "Memory for decoded pictures, in MiB")
      ->check(integer_in(0, int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--workers", options.workers, "Threads that decode pictures; 0: one per core")
      ->check(integer_in(0, 256))
      ->capture_default_str();
}

void TrainCommand::add_augmentation_options(CLI::App& app) {
  fixed(app.add_option("--shear", options.shear, "Degrees"), options.shear)->check(number_in(0, 360));
  fixed(app.add_option("--zoom", options.zoom, "Fraction: 0.2 means 0.8 to 1.2"), options.zoom)
      ->check(number_in(0, 0.99));
  fixed(app.add_option("--rotation", options.rotation, "Degrees"), options.rotation)
      ->check(number_in(0, 360));
  fixed(app.add_option("--shift", options.shift, "Fraction of the side"), options.shift)
      ->check(number_in(0, 0.99));
  fixed(app.add_flag("--flip,!--no-flip", options.flip, "Mirror half of the pictures, at random"),
        options.flip);
  fixed(app.add_option("--fill-mode", options.fill_mode, "What fills the space that opens at the borders"),
        options.fill_mode)
      ->check(CLI::IsMember({"nearest", "constant", "reflect", "wrap"}));
}

void TrainCommand::add_training_options(CLI::App& app) {
  remembered(app.add_option("-e,--epochs", options.epochs, "In all, including those before a --resume"),
             options.epochs)
      ->check(integer_in(1, 1000000));
  fixed(app.add_option("-b,--batch", options.batch, "Pictures per step"), options.batch)
      ->check(integer_in(1, 1 << 20));
  fixed(app.add_option("--lr", options.learning_rate, "Learning rate of Adam"), options.learning_rate)
      ->check(number_in(1e-12, 1e6));
  fixed(app.add_option("--stride", options.stride, "Stride of the convolution"), options.stride)
      ->check(integer_in(1, 8));
  fixed(app.add_option("--seed", options.seed, "Seed of initial weights, order and augmentation"),
        options.seed)
      ->check(unsigned_integer());
  remembered(app.add_option("--patience", options.patience,
                            "Stop after this many epochs without a better --monitor; 0: never"),
             options.patience)
      ->check(integer_in(0, 1000000));
  fixed(app.add_option("--monitor", options.monitor,
                       "What makes an epoch better; default: val_loss, without validation loss"),
        options.monitor)
      ->check(CLI::IsMember({"val_loss", "val_accuracy", "loss", "accuracy"}));
  remembered(app.add_option("--keep", options.keep,
                            "Which epoch --output holds; default: the last, with --patience the best"),
             options.keep)
      ->check(CLI::IsMember({"last", "best"}));
  app.add_option("-o,--output", options.output, "The model's file; history.csv is written beside it")
      ->capture_default_str();
  app.add_option("--project", options.project, "The folder of all runs")->capture_default_str();
  app.add_option("--name", options.name, "The run's folder in it; a number follows where it is there already")
      ->capture_default_str();
  app.add_flag("--no-run-folder", options.no_run_folder, "Write --output and history.csv alone");
  app.add_flag("--resume", options.resume, "Go on from where the run that wrote --output stopped");
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
