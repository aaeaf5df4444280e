#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "data/image_dataset.h"
#include "framework/cpu/parallel.h"
#include "models/callbacks.h"
#include "models/catdog.h"
#include "tools/drawn_pictures.h"
#include "tools/progress_bar.h"
#include "tools/stop_signal.h"
#include "tools/train_options.h"

namespace manul {
namespace {

namespace fs = std::filesystem;

/// The pictures to train on and, if there are any, to validate on.
struct Pictures {
  std::unique_ptr<ImageDataset> train, validation;
};

/// A number that changes if one of the files has another name or class, whatever folder they lie in (FNV-1a).
int64_t names_hash(const std::vector<ImageFolder::File>& files) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const ImageFolder::File& file : files)
    for (unsigned char c : fmt::format("{}/{}\n", file.label, file.path.filename().string()))
      hash = (hash ^ c) * 0x100000001b3;
  return static_cast<int64_t>(hash);
}

/// Puts the options and the extent of the data into checkpoints, and saves one every ten seconds.
class Checkpoints : public Callback {
 public:
  Checkpoints(const TrainCommand& command, const ImageDataset& train)
      : command_(command), pictures_(train.size()), names_(names_hash(train.files())) {}

  void on_epoch_end(FitProgress& fit, const Logs& /*logs*/) override {
    if (since_saved_.seconds() < seconds_between || fit.epoch + 1 == fit.epochs) return;
    fit.save_checkpoint(command_.options.output);
    since_saved_ = {};
  }
  void save_state(TrainingState& state) const override {
    command_.save(state);
    state.values.set("pictures", pictures_);
    state.values.set("picture_names", names_);
  }
  void load_state(const TrainingState& state) override {
    if (int64_t before = state.values.at("pictures").as_int(); before != pictures_)
      fail(ErrorKind::data, "resume: the interrupted run had {} pictures to train on, now there are {}",
           before, pictures_);
    if (const Config* names = state.values.find("picture_names"); names && names->as_int() != names_)
      fail(ErrorKind::data, "resume: the data has other pictures than the interrupted run");
  }

 private:
  static constexpr double seconds_between = 10;
  const TrainCommand& command_;
  int64_t pictures_, names_;
  Stopwatch since_saved_;
};

FillMode fill_mode_named(const std::string& name) {
  if (name == "constant") return FillMode::constant;
  if (name == "reflect") return FillMode::reflect;
  return name == "wrap" ? FillMode::wrap : FillMode::nearest;
}

AugmentOptions augmentation(const TrainOptions& options) {
  return {.rotation_range = options.rotation,
          .shear_range = options.shear,
          .zoom_low = 1 - options.zoom,
          .zoom_high = 1 + options.zoom,
          .horizontal_shift = options.shift,
          .vertical_shift = options.shift,
          .horizontal_flip = options.flip,
          .fill_mode = fill_mode_named(options.fill_mode)};
}

/// What shows "Reading pictures 1200/8000" on `status`.
std::function<void(int64_t, int64_t)> show_progress(StatusLine& status, const char* verb, bool quiet) {
  if (quiet) return {};
  return [&status, verb](int64_t done, int64_t total) {
    status.show(fmt::format("{} pictures {}/{}", verb, done, total));
  };
}

/// Reads data sets; one budget of memory for decoded pictures serves them all.
class PictureReader {
 public:
  PictureReader(const TrainOptions& options, Device device, const StopSignal& signal)
      : options_(options), device_(device), signal_(signal), cache_mb_(options.cache_mb) {}

  std::unique_ptr<ImageDataset> read(const ImageFolder& folder, const AugmentOptions& augment) {
    StatusLine status(Terminal::of_stderr());
    auto side = static_cast<int>(options_.size);
    auto pictures = std::make_unique<ImageDataset>(
        folder, ImageDatasetOptions{
                    .image = {.height = side,
                              .width = side,
                              .interpolation = parse_interpolation(options_.interpolation)},
                    .augment = augment,
                    .on_bad_image = options_.on_bad_image == "fail" ? OnBadImage::fail : OnBadImage::skip,
                    .cache_mb = cache_mb_,
                    .stream_mb = stream_mb(static_cast<int64_t>(folder.files.size())),
                    .workers = options_.workers,
                    .device = device_,
                    .on_progress = show_progress(status, "Reading", options_.quiet),
                    .stop = &signal_.flag()});
    status.erase();
    cache_mb_ -= std::min(cache_mb_, mebibytes(pictures->cached_bytes()));
    tell(*pictures);
    return pictures;
  }

 private:
  static int64_t mebibytes(int64_t bytes) { return (bytes + (1 << 20) - 1) >> 20; }
  /// Four batches at least; a few milliseconds of decoding if they are small.
  int64_t stream_mb(int64_t pictures) const {
    int64_t rows = std::min(4 * options_.batch, pictures);
    return std::max<int64_t>(16, mebibytes(rows * options_.size * options_.size * 3));
  }
  void tell(const ImageDataset& pictures) const {
    for (const std::string& reason : pictures.bad_images())
      print_if_possible(stderr, "train_catdog: skipped {}\n", reason);
    for (const std::string& warning : pictures.warnings())
      print_if_possible(stderr, "train_catdog: {}\n", warning);
    if (!options_.quiet) print_if_possible(stdout, "{}\n", pictures.summary());
  }

  const TrainOptions& options_;
  Device device_;
  const StopSignal& signal_;
  int64_t cache_mb_;  // what is left of it
};

/// Folder of the validation pictures; empty if there are none.
fs::path validation_folder(const TrainOptions& options, const fs::path& data) {
  if (!options.validation.empty()) return options.validation;
  fs::path beside = fs::absolute(data / "").parent_path().parent_path() / "test_set";
  bool usable = fs::is_directory(beside) && !fs::equivalent(beside, data);
  return usable ? beside : fs::path();
}

Pictures find_pictures(const TrainOptions& options, Device device, const StopSignal& signal) {
  fs::path data = options.data;
  if (data.empty()) {
    StatusLine status(Terminal::of_stderr());
    data = drawn_pictures(show_progress(status, "Drawing", options.quiet));
    if (!options.quiet)
      print_if_possible(stdout, "Drawn cats and dogs are kept in {}\n", data.parent_path().string());
  }
  using Subset = ImageFolder::Subset;
  PictureReader reader(options, device, signal);
  AugmentOptions augment = augmentation(options);
  if (options.split > 0) {
    auto part = [&](Subset subset) { return ImageFolder::scan(data, subset, options.split); };
    auto train = reader.read(part(Subset::training), augment);
    return {std::move(train), reader.read(part(Subset::validation), {})};
  }
  ImageFolder folder = ImageFolder::scan(data);
  Pictures pictures{reader.read(folder, augment), nullptr};
  if (fs::path validation = validation_folder(options, data); !validation.empty())
    pictures.validation = reader.read(ImageFolder::scan_for(validation, folder.class_names), {});
  return pictures;
}

Model new_model(const TrainOptions& options, const std::vector<std::string>& class_names, Device device) {
  CatdogOptions network{
      .size = options.size, .classes = static_cast<int64_t>(class_names.size()), .stride = options.stride};
  Model model = catdog_network(network);
  model.compile(Adam({.learning_rate = options.learning_rate}), catdog_loss(network), {Metric::accuracy},
                {.device = device, .seed = options.seed});
  model.preprocessing = {class_names, 1.0 / 255, options.interpolation};
  return model;
}

/// Makes sure before the work begins that its result can be kept.
void prepare_output(const fs::path& output) {
  if (output.empty()) fail(ErrorKind::usage, "output: the name of the file is empty");
  std::error_code error;
  fs::file_status status = fs::status(output, error);
  if (fs::is_directory(status)) fail(ErrorKind::usage, "output: {} is a folder, not a file", output.string());
  if (fs::exists(status) && !fs::is_regular_file(status))
    fail(ErrorKind::usage, "output: {} is no regular file", output.string());
  fs::path folder = fs::absolute(output).parent_path();
  fs::create_directories(folder, error);
  if (error)
    fail(ErrorKind::usage, "output: the folder {} cannot be made: {}", folder.string(), error.message());
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    fail(ErrorKind::usage, "output: no file can be written to {}: {}", folder.string(), std::strerror(errno));
}

std::string logs_line(const History& history, size_t epoch) {
  std::string line = fmt::format("epoch {}:", epoch + 1);
  for (const auto& [name, value] : history.epochs()[epoch]) line += fmt::format(" {} {:.4f}", name, value);
  return line;
}

/// The epoch with the best accuracy, on the validation pictures if there are any; the first of equals.
size_t best_epoch(const History& history, bool validated) {
  std::vector<double> accuracy = history[validated ? "val_accuracy" : "accuracy"];
  return static_cast<size_t>(std::max_element(accuracy.begin(), accuracy.end()) - accuracy.begin());
}

void tell_result(const TrainOptions& options, const Pictures& pictures, const History& history) {
  if (options.quiet || history.epochs().empty()) return;
  print_if_possible(stdout, "Best {}\n",
                    logs_line(history, best_epoch(history, pictures.validation != nullptr)));
  print_if_possible(stdout, "Last {}\n", logs_line(history, history.epochs().size() - 1));
  const auto& files = (pictures.validation ? pictures.validation : pictures.train)->files();
  print_if_possible(stdout, "Saved {}. Try: predict {} {}\n", options.output, options.output,
                    files.back().path.string());
}

int train(Program& program, TrainCommand& command, const StopSignal& signal) {
  TrainOptions& options = command.options;
  Device device = program.device();
  prepare_output(options.output);
  std::optional<Model> interrupted;
  if (options.resume) {
    interrupted = Model::load(options.output, {.device = device, .training = true});
    command.take_from(interrupted->training_state);
  }
  if (!options.quiet)
    print_if_possible(stdout, "Device: {}, {} threads. Seed: {}\n", device.name(), cpu::threads(),
                      options.seed);

  Pictures pictures = find_pictures(options, device, signal);
  const std::vector<std::string>& class_names = pictures.train->class_names();
  Model model = interrupted ? std::move(*interrupted) : new_model(options, class_names, device);
  if (model.preprocessing.class_names != class_names)
    fail(ErrorKind::data, "resume: the data has other classes than the interrupted run");
  if (!options.quiet) print_if_possible(stdout, "{}", model.summary());

  Checkpoints checkpoints(command, *pictures.train);
  CSVLogger csv((fs::path(options.output).parent_path() / "history.csv").string());
  TerminateOnNaN nan_guard;
  EarlyStopping early({.monitor = pictures.validation ? "val_loss" : "loss",
                       .patience = options.patience,
                       .restore_best_weights = true});
  ProgressBar bar(Terminal::of_stderr());
  std::vector<Callback*> callbacks{&checkpoints, &csv, &nan_guard};
  if (options.patience > 0) callbacks.push_back(&early);
  if (!options.quiet) callbacks.push_back(&bar);
  History history = model.fit(*pictures.train, {.epochs = options.epochs,
                                                .batch_size = options.batch,
                                                .validation = pictures.validation.get(),
                                                .callbacks = callbacks,
                                                .resume = options.resume,
                                                .stop = &signal.flag()});
  if (history.stop_reason == StopReason::not_finite)
    fail(ErrorKind::failed,
         "the loss is no longer a finite number, so nothing was saved; try a smaller --lr than {}",
         options.learning_rate);
  model.save(options.output);
  if (history.stop_reason == StopReason::requested) {
    print_if_possible(stderr, "Stopped in epoch {} after {} steps and saved {}. Go on with --resume.\n",
                      history.stopped_epoch + 1, history.stopped_step, options.output);
    return signal.exit_code();
  }
  tell_result(options, pictures, history);
  return 0;
}

}  // namespace
}  // namespace manul

int main(int argc, char** argv) {
  manul::Program program(
      "train_catdog", "Trains a small convolutional network on a folder of pictures, one sub-folder a class.",
      "  train_catdog\n"
      "  train_catdog --data training_set --epochs 25\n"
      "  train_catdog --data flowers --split 0.2 --patience 5 --output flowers.h5\n"
      "  train_catdog --data training_set --epochs 50 --resume\n");
  manul::TrainCommand command(program);
  return program.run(argc, argv, [&] {
    manul::StopSignal signal;
    try {
      return manul::train(program, command, signal);
    } catch (const manul::Error&) {
      // Reading pictures ends with an error when it is interrupted; there is nothing to save yet.
      if (int code = signal.exit_code()) return code;
      throw;
    }
  });
}
