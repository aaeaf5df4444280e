#pragma once

#include <string>

#include "manul/models/training/callbacks/callback_table.h"
#include "manul/models/training/callbacks/save_frequency.h"

namespace manul {

struct BackupAndRestoreOptions {
  std::string backup_dir = {};
  int64_t save_freq = 0;          // 0: after every epoch, as Keras' "epoch"; otherwise after so many steps
  bool delete_checkpoint = true;  // when the training is through

  void describe(auto& description) {
    description.option("backup_dir", backup_dir);
    description.option("save_freq", save_freq);
    description.option("delete_checkpoint", delete_checkpoint);
  }
};

/// Keeps a checkpoint in a folder; the next fit with it, after a crash or a stop that was requested, goes on
/// from there bit for bit, in the middle of an epoch too. The checkpoint is whole at any moment, so that it
/// needs no second one.
class BackupAndRestore : public Callback {
 public:
  /// Throws ErrorKind::usage if there is no folder.
  explicit BackupAndRestore(BackupAndRestoreOptions options);
  /// Throws ErrorKind::model_file if the checkpoint is of another model.
  void on_train_begin(FitProgress& fit) override;
  void on_step_end(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;
  void on_train_end(FitProgress& fit) override;
  /// Where the checkpoint is, or will be.
  std::string file() const;

 private:
  void save(FitProgress& fit) const;

  BackupAndRestoreOptions options_;
  SaveFrequency frequency_;
};

extern template bool register_callback<BackupAndRestore, BackupAndRestoreOptions>(const std::string& name);
inline const bool backup_and_restore_is_registered =
    register_callback<BackupAndRestore, BackupAndRestoreOptions>("BackupAndRestore");

}  // namespace manul
