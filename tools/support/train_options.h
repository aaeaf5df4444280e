#pragma once

#include <optional>
#include <string>
#include <vector>

#include "manul/models/training/training_state.h"
#include "manul/tools/support/program.h"
#include "manul/tools/support/task.h"

namespace manul {

/// The options of the programs that train.
struct TrainOptions {
  std::string model = "catdog";  // a ready-made network, or a file
  std::string task;              // empty: as the data says
  std::string data, validation, labels, targets;
  double split = 0;
  std::string split_order = "shuffled";
  bool no_validation = false, gray = false, keep_aspect = false, exif_orientation = false, tolerant = false;
  int64_t epochs = 25, batch = 32;
  std::string optimizer = "adam", schedule = "constant", loss, class_weight = "none";
  double learning_rate = 0;  // 0: the optimizer's own
  std::string weights, freeze;
  int64_t size = 0;  // 0: the network's own
  uint64_t seed = 0;
  int workers = 0;
  int64_t stride = 3;
  double shear = 0.2, zoom = 0.2, rotation = 0, shift = 0;
  bool flip = true;
  std::string fill_mode = "nearest", interpolation = "nearest", on_bad_image = "skip";
  int64_t cache_mb = 1024, cache_dir_mb = 0;
  std::string cache_dir;
  bool keep_cache = false;
  std::string output = "trained_model.h5";
  std::string project = "runs", name = "train";
  bool no_run_folder = false;
  bool tensorboard = false;
  std::string log_json;
  bool resume = false;
  bool bf16 = false, synchronized = false, bf16_sums = false;
  int64_t patience = 0;
  std::string monitor, keep;  // empty: by validation and by patience
  bool quiet = false;
};

/// What the options mean where they leave it open. Throw ErrorKind::usage where they contradict each other.
Task task_of(const TrainOptions& options);
/// The metric of a task, by Keras' name: "accuracy".
std::string metric_of(Task task);
std::string monitor_of(const TrainOptions& options, bool validated);
bool keeps_best(const TrainOptions& options);

/// The command line of a program that trains, and its memory: a run that is resumed takes its options from
/// the file.
class TrainCommand {
 public:
  explicit TrainCommand(Program& program);

  TrainOptions options;

  /// train_catdog: the article's network alone, on pictures in folders.
  bool is_catdog() const { return program_ == "train_catdog"; }
  /// All options and their values, given or not.
  Config values() const;

  /// What save_state of a callback puts into the file.
  void save(TrainingState& state) const;
  /// Options that were not given take the values of the interrupted run. Throws ErrorKind::usage if one that
  /// decides the result was given and differs.
  void take_from(const TrainingState& state);

 private:
  void add_network_options(CLI::App& app);
  void add_data_options(CLI::App& app);
  void add_table_options(CLI::App& app);
  void add_augmentation_options(CLI::App& app);
  void add_training_options(CLI::App& app);
  /// Values are kept, compared and shown in one notation, whatever the command line wrote: 0.001 for 1e-3.
  struct Remembered {
    CLI::Option* option;
    bool is_fixed;
    std::function<std::string()> text;                           // the value of now
    std::function<std::string(const std::string& text)> normal;  // a value in the same notation
    std::function<void(const std::string& text)> take;
  };
  template <class Value>
  CLI::Option* remembered(CLI::Option* option, Value& value, bool is_fixed = false);
  template <class Value>
  CLI::Option* fixed(CLI::Option* option, Value& value);

  std::string program_;  // the key under which a file has the options
  std::vector<Remembered> remembered_;
};

/// The options of the run that wrote a file, whichever program it was; null if there are none.
const Config* options_of_run(const Config& state_values);

}  // namespace manul
