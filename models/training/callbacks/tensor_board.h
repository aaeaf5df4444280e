#pragma once

#include <memory>
#include <string>

#include "manul/models/training/callbacks/callback_table.h"

namespace manul {

class EventFile;

struct TensorBoardOptions {
  std::string log_dir = "logs";
  int64_t histogram_freq = 0;  // the weights' distributions, every so many epochs; 0: never
  bool write_graph = true;
  int64_t update_freq = 0;  // batch_loss and the like, every so many steps; 0: Keras' "epoch", never
  int64_t first_epoch = 0;  // the number of the first epoch: 0 in Keras

  void describe(auto& description) {
    description.option("log_dir", log_dir);
    description.option("histogram_freq", histogram_freq);
    description.option("write_graph", write_graph);
    description.option("update_freq", update_freq);
    description.option("first_epoch", first_epoch);
  }
};

/// Writes event files that TensorBoard shows, with Keras' tags: the graph and the curves epoch_loss, .. and
/// epoch_learning_rate in log_dir/train, those of the validation in log_dir/validation. After a resume the
/// earlier epochs are there as well where the folder is new. What cannot be written is warned about and does
/// not end the training.
///
///     TensorBoard board({.log_dir = "logs/first"});   // then: tensorboard --logdir logs
class TensorBoard : public Callback {
 public:
  /// Throws ErrorKind::usage if there is no folder, or a number is negative.
  explicit TensorBoard(TensorBoardOptions options = {});
  ~TensorBoard() override;
  void on_train_begin(FitProgress& fit) override;
  void on_step_end(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;
  void on_train_end(FitProgress& fit) override;

 private:
  /// The file of a part of the run, made when it is first needed.
  EventFile& file(const char* part, std::unique_ptr<EventFile>& file) const;
  void write_epoch(FitProgress& fit, const Logs& logs, int64_t epoch);
  void write_weights(FitProgress& fit);
  template <class Write>
  void attempt(Write write);

  TensorBoardOptions options_;
  std::unique_ptr<EventFile> train_, validation_;
  bool writes_earlier_ = true, failed_ = false;
  int64_t epochs_written_ = -1;  // -1: none yet
};

extern template bool register_callback<TensorBoard, TensorBoardOptions>(const std::string& name);
inline const bool tensor_board_is_registered =
    register_callback<TensorBoard, TensorBoardOptions>("TensorBoard");

}  // namespace manul
