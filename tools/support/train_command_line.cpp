#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <type_traits>

#include "manul/framework/error.h"
#include "manul/models/zoo/zoo.h"
#include "manul/ops/optimizers/optimizer_table.h"
#include "manul/tools/support/train_options.h"

// The table of options of the programs that train.
namespace manul {
namespace {

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
  if (is_catdog()) {
    options.size = 64;
    options.learning_rate = 0.001;
  } else {
    options.model = "";
    app.option_defaults()->group("Network");
    add_network_options(app);
  }
  app.option_defaults()->group("Data");
  add_data_options(app);
  app.option_defaults()->group("Augmentation of the training pictures, as in Keras' ImageDataGenerator");
  add_augmentation_options(app);
  app.option_defaults()->group("Training");
  add_training_options(app);
  app.option_defaults()->group("Options");
  program.add_device_option();
  program.add_tf32_option();
  fixed(app.add_flag("--bf16", options.bf16,
                     "Mixed precision, as Keras' mixed_bfloat16: layers compute in bf16, weights are f32; "
                     "faster on a GPU"),
        options.bf16);
  fixed(
      app.add_flag("--synchronized", options.synchronized,
                   "Of several processes: BatchNormalization over the whole batch, not over each one's part"),
      options.synchronized);
  fixed(app.add_flag("--bf16-sums", options.bf16_sums,
                     "Of several processes: gradients are added in bf16, half of the bytes"),
        options.bf16_sums);
  program.add_threads_option();
  app.add_flag("-q,--quiet", options.quiet, "Print only warnings and errors");
}

namespace {

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const Network& network : networks()) names.emplace_back(network.name);
  return names;
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const auto& each : optimizer_table().classes()) names.push_back(plain_class_name(each.name));
  return names;
}

}  // namespace

void TrainCommand::add_network_options(CLI::App& app) {
  fixed(app.add_option("-m,--model", options.model,
                       "A ready-made network (" + joined(network_names()) +
                           "), or the file of one: .json, .h5, .keras; it gets new weights"),
        options.model)
      ->type_name("NAME|FILE");
  fixed(app.add_option("--task", options.task,
                       "One class a picture, several labels (--labels), or numbers (--targets); default: as "
                       "the data says"),
        options.task)
      ->check(CLI::IsMember({"classify", "multilabel", "regress"}));
  fixed(app.add_option("--loss", options.loss,
                       "Of multilabel and regress, by Keras' name; default: binary_crossentropy, mse"),
        options.loss)
      ->type_name("NAME");
}

void TrainCommand::add_table_options(CLI::App& app) {
  remembered(app.add_option("--labels", options.labels,
                            "CSV file with the columns file,LABEL,..: 1 where a picture has the label, or 0"),
             options.labels)
      ->type_name("FILE");
  remembered(app.add_option("--targets", options.targets,
                            "CSV file with the columns file,VALUE,..: numbers that are to be learned"),
             options.targets)
      ->type_name("FILE");
}

void TrainCommand::add_data_options(CLI::App& app) {
  remembered(
      app.add_option(
          "-d,--data", options.data,
          is_catdog()
              ? "Folder with one sub-folder of pictures per class, or shards: a folder of tars, a tar, or "
                "'train-{000..099}.tar'; without it, drawn cats and dogs"
              : "Folder with one sub-folder of pictures per class, or shards: a folder of tars, a tar, or "
                "'train-{000..099}.tar'; with a table, the folder of its files [that of the table]"),
      options.data)
      ->type_name("PATH");
  if (!is_catdog()) add_table_options(app);
  auto* validation =
      remembered(app.add_option(
                     "--validation", options.validation,
                     is_catdog() ? "Folder or shards to validate on; default: test_set beside the data"
                                 : "Folder or shards to validate on; default: test_set beside the data; with "
                                   "a table, another table"),
                 options.validation)
          ->type_name("PATH");
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
  auto* size =
      fixed(app.add_option("--size", options.size,
                           is_catdog() ? "Side of the pictures in pixels"
                                       : "Side of the pictures in pixels; default: the network's own"),
            options.size)
          ->check(integer_in(8, 2048));
  if (options.size == 0) size->default_str("");
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
  auto* folder = app.add_option("--cache-dir", options.cache_dir,
                                "Keep decoded pictures that memory has no room for in a file in this folder")
                     ->type_name("DIR");
  app.add_option("--cache-dir-mb", options.cache_dir_mb,
                 "Of that file, at most; 0: nine tenths of what is free")
      ->check(integer_in(0, int64_t{1} << 40))
      ->capture_default_str()
      ->needs(folder);
  app.add_flag("--keep-cache", options.keep_cache,
               "The file stays, and the next run decodes only what has changed")
      ->needs(folder);
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
  std::vector<std::string> monitors{"val_loss", "val_accuracy", "loss", "accuracy"};
  if (!is_catdog())
    for (Task task : {Task::multilabel, Task::regress})
      for (const char* part : {"val_", ""}) monitors.push_back(part + metric_of(task));
  remembered(app.add_option("-e,--epochs", options.epochs, "In all, including those before a --resume"),
             options.epochs)
      ->check(integer_in(1, 1000000));
  fixed(app.add_option("-b,--batch,--batch-size", options.batch, "Pictures per step"), options.batch)
      ->check(integer_in(1, 1 << 20));
  auto* rate = fixed(app.add_option("--lr", options.learning_rate,
                                    is_catdog() ? "Learning rate of the optimizer"
                                                : "Learning rate; default: the optimizer's own in Keras"),
                     options.learning_rate)
                   ->check(number_in(1e-12, 1e6));
  if (options.learning_rate == 0) rate->default_str("");
  fixed(app.add_option("--optimizer", options.optimizer, "By Keras' name"), options.optimizer)
      ->check(CLI::IsMember(optimizer_names()));
  fixed(app.add_option("--schedule", options.schedule,
                       "The learning rate stays, or falls to 0 along a cosine until the last epoch"),
        options.schedule)
      ->check(CLI::IsMember({"constant", "cosine"}));
  fixed(app.add_option("--class-weight", options.class_weight,
                       "balanced: a picture counts the more, the fewer its class has"),
        options.class_weight)
      ->check(CLI::IsMember({"none", "balanced"}));
  remembered(
      app.add_option("--weights", options.weights,
                     "Start from the weights of this file, of Keras or of an earlier run: layer by layer "
                     "by name, as far as they fit"),
      options.weights)
      ->type_name("FILE");
  fixed(app.add_option("--freeze", options.freeze,
                       "Layers that are not trained: until=LAYER (it and all before it in the summary), "
                       "NAME,NAME,.. or all-but-last"),
        options.freeze)
      ->type_name("LAYERS");
  if (is_catdog())
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
                       "What makes an epoch better; default: val_loss or, without validation, loss"),
        options.monitor)
      ->check(CLI::IsMember(monitors));
  remembered(app.add_option("--keep", options.keep,
                            "Which epoch --output holds; default: the last, with --patience the best"),
             options.keep)
      ->check(CLI::IsMember({"last", "best"}));
  app.add_option("-o,--output", options.output,
                 "The model's file, .h5 or .keras; history.csv is written beside it")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_option("--project", options.project, "The folder of all runs")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--name", options.name, "The run's folder in it; a number follows where it is there already")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_flag("--no-run-folder", options.no_run_folder, "Write --output and history.csv alone");
  app.add_flag("--tensorboard", options.tensorboard,
               "Write event files for TensorBoard to the run's folder: curves, pictures, graph");
  app.add_option("--log-json", options.log_json,
                 "Add what happens to this file as it does, one JSON object a line")
      ->type_name("FILE");
  app.add_flag("--resume", options.resume, "Go on from where the run that wrote --output stopped");
}

}  // namespace manul
