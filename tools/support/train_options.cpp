#include "manul/tools/support/train_options.h"

#include <algorithm>

#include "manul/framework/error.h"

namespace manul {
namespace {

constexpr const char* memory_key = "train_catdog";

}  // namespace

/// An option whose value a resumed run takes over unless another is given.
CLI::Option* TrainCommand::remembered(CLI::Option* option) {
  remembered_.push_back(option->capture_default_str());
  return option;
}

/// An option that decides the result: a resumed run must have the same.
CLI::Option* TrainCommand::fixed(CLI::Option* option) {
  fixed_.push_back(option);
  return remembered(option);
}

TrainCommand::TrainCommand(Program& program) {
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
  app.add_flag("--quiet", options.quiet, "Print only warnings and errors");
}

void TrainCommand::add_data_options(CLI::App& app) {
  remembered(
      app.add_option("--data", options.data,
                     "Folder with one sub-folder of pictures per class; without it, drawn cats and dogs"));
  auto* validation = remembered(app.add_option("--validation", options.validation,
                                               "Folder to validate on; default: test_set beside the data"));
  fixed(app.add_option("--split", options.split, "Validate on this fraction of the data instead"))
      ->check(number_in(0, 0.99))
      ->excludes(validation);
  fixed(app.add_option("--size", options.size, "Side of the pictures in pixels"))->check(integer_in(8, 2048));
  fixed(app.add_option("--interpolation", options.interpolation, "How pictures are resized"))
      ->check(CLI::IsMember({"nearest", "bilinear", "bicubic", "box", "hamming", "lanczos"}));
  fixed(app.add_option("--on-bad-image", options.on_bad_image, "What to do about damaged pictures"))
      ->check(CLI::IsMember({"skip", "fail"}));
  app.add_option("--cache-mb", options.cache_mb, "Memory for decoded pictures, in MiB")
      ->check(integer_in(0, int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--workers", options.workers, "Threads that decode pictures; 0: one per core")
      ->check(integer_in(0, 256))
      ->capture_default_str();
}

void TrainCommand::add_augmentation_options(CLI::App& app) {
  fixed(app.add_option("--shear", options.shear, "Degrees"))->check(number_in(0, 360));
  fixed(app.add_option("--zoom", options.zoom, "Fraction: 0.2 means 0.8 to 1.2"))->check(number_in(0, 0.99));
  fixed(app.add_option("--rotation", options.rotation, "Degrees"))->check(number_in(0, 360));
  fixed(app.add_option("--shift", options.shift, "Fraction of the side"))->check(number_in(0, 0.99));
  fixed(app.add_flag("--flip,!--no-flip", options.flip, "Mirror half of the pictures, at random"));
  fixed(app.add_option("--fill-mode", options.fill_mode, "What fills the space that opens at the borders"))
      ->check(CLI::IsMember({"nearest", "constant", "reflect", "wrap"}));
}

void TrainCommand::add_training_options(CLI::App& app) {
  remembered(app.add_option("--epochs", options.epochs, "In all, including those before a --resume"))
      ->check(integer_in(1, 1000000));
  fixed(app.add_option("--batch", options.batch, "Pictures per step"))->check(integer_in(1, 1 << 20));
  fixed(app.add_option("--lr", options.learning_rate, "Learning rate of Adam"))->check(number_in(1e-12, 1e6));
  fixed(app.add_option("--stride", options.stride, "Stride of the convolution"))->check(integer_in(1, 8));
  fixed(app.add_option("--seed", options.seed, "Seed of initial weights, order and augmentation"));
  fixed(
      app.add_option(
          "--patience", options.patience,
          "Stop after this many epochs without a better validation loss and keep the best weights; 0: never"))
      ->check(integer_in(0, 1000000));
  app.add_option("--output", options.output, "The model's file; history.csv is written beside it")
      ->capture_default_str();
  app.add_flag("--resume", options.resume, "Go on from where the run that wrote --output stopped");
}

void TrainCommand::save(TrainingState& state) const {
  Config values = Config::map();
  for (const CLI::Option* option : remembered_) values.set(option->get_name(), option->as<std::string>());
  state.values.set(memory_key, values);
}

void TrainCommand::take_from(const TrainingState& state) {
  const Config* values = state.values.find(memory_key);
  if (!values) fail(ErrorKind::usage, "resume: {} holds no interrupted run of train_catdog", options.output);
  for (CLI::Option* option : remembered_) {
    std::string before = values->get(option->get_name(), ""), now = option->as<std::string>();
    if (option->count() == 0) {
      if (before.empty()) continue;
      option->add_result(before);
      option->run_callback();
    } else if (before != now && std::find(fixed_.begin(), fixed_.end(), option) != fixed_.end()) {
      fail(ErrorKind::usage, "resume: {} was {} in the interrupted run and is now {}", option->get_name(),
           before, now);
    }
  }
}

}  // namespace manul
