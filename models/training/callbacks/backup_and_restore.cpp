#include "manul/models/training/callbacks/backup_and_restore.h"

#include <filesystem>

#include "manul/framework/distributed/communicator.h"
#include "manul/framework/error.h"
#include "manul/framework/file_system.h"
#include "manul/models/graph/model.h"

namespace manul {
namespace {

/// Values, statistics, the optimizer's slots and the training state of `from`.
void continue_from(const Model& from, Model& to, const std::string& path) {
  auto copy = [&](const Tensor& source, const Tensor& target) {
    if (source.elements() != target.elements() || source.dtype() != target.dtype())
      fail(ErrorKind::model_file, "BackupAndRestore: {} is of another model: {} numbers in place of {}", path,
           source.elements(), target.elements());
    if (source.elements() > 0) Tensor(target).copy_from(source);
  };
  if (!from.is_compiled() || from.optimizer().slots().size() != to.optimizer().slots().size())
    fail(ErrorKind::model_file, "BackupAndRestore: {} was trained by another optimizer", path);
  copy(from.parameters().values(), to.parameters().values());
  copy(from.parameters().statistics(), to.parameters().statistics());
  for (size_t i = 0; i < to.optimizer().slots().size(); ++i)
    copy(from.optimizer().slots()[i].values, to.optimizer().slots()[i].values);
  to.training_state = from.training_state;
}

}  // namespace

BackupAndRestore::BackupAndRestore(BackupAndRestoreOptions options)
    : options_(std::move(options)), frequency_(options_.save_freq) {
  if (options_.backup_dir.empty()) fail(ErrorKind::usage, "BackupAndRestore: there is no folder");
  if (options_.save_freq < 0)
    fail(ErrorKind::usage, "BackupAndRestore: save_freq is a number of steps, not {}", options_.save_freq);
}

std::string BackupAndRestore::file() const {
  return (std::filesystem::path(options_.backup_dir) / "latest.h5").string();
}

void BackupAndRestore::on_train_begin(FitProgress& fit) {
  frequency_.begin();
  if (file_type(file(), ErrorKind::model_file) == FileType::missing) return;
  continue_from(Model::load(file(), {.training = true}), fit.model, file());
  fit.go_on_from_training_state();
}

void BackupAndRestore::on_step_end(FitProgress& fit) {
  if (frequency_.is_due(fit)) save(fit);
}

void BackupAndRestore::on_epoch_end(FitProgress& fit, const Logs& /*logs*/) {
  if (frequency_.is_by_epoch()) save(fit);
}

void BackupAndRestore::on_train_end(FitProgress& fit) {
  if (fit.history.stop_reason == StopReason::requested) return save(fit);
  if (!processes().is_first() || !options_.delete_checkpoint || !is_folder(options_.backup_dir)) return;
  remove_tree(file());
  if (list_folder(options_.backup_dir, ErrorKind::failed).empty()) remove_tree(options_.backup_dir);
}

void BackupAndRestore::save(FitProgress& fit) const {
  if (processes().is_first()) make_folders(options_.backup_dir, ErrorKind::failed);
  fit.save_checkpoint(file());
}

template bool register_callback<BackupAndRestore, BackupAndRestoreOptions>(const std::string& name);

}  // namespace manul
