#include "manul/tools/support/training_checkpoints.h"

#include <fmt/format.h>

#include "manul/framework/error.h"
#include "manul/framework/random.h"

namespace manul {
namespace {

constexpr double seconds_between = 10;

/// A number that changes if one of the files has another name or class, whatever folder they lie in.
int64_t names_hash(const std::vector<ImageFolder::File>& files) {
  std::string names;
  for (const ImageFolder::File& file : files)
    names += fmt::format("{}/{}\n", file.label, file.path.filename().string());
  return static_cast<int64_t>(random_key(names.c_str()));
}

}  // namespace

Checkpoints::Checkpoints(const TrainCommand& command, const ImageDataset& train)
    : command_(command), pictures_(train.size()), names_(names_hash(train.files())) {}

void Checkpoints::on_epoch_end(FitProgress& fit, const Logs& /*logs*/) {
  if (since_saved_.seconds() < seconds_between || fit.epoch + 1 == fit.epochs) return;
  fit.save_checkpoint(command_.options.output);
  since_saved_ = {};
}

void Checkpoints::save_state(TrainingState& state) const {
  command_.save(state);
  state.values.set("pictures", pictures_);
  state.values.set("picture_names", names_);
}

void Checkpoints::load_state(const TrainingState& state) {
  if (int64_t before = state.values.at("pictures").as_int(); before != pictures_)
    fail(ErrorKind::data, "resume: the interrupted run had {} pictures to train on, now there are {}", before,
         pictures_);
  if (const Config* names = state.values.find("picture_names"); names && names->as_int() != names_)
    fail(ErrorKind::data, "resume: the data has other pictures than the interrupted run");
}

}  // namespace manul
