#include <bit>

#include "manul/framework/error.h"
#include "manul/models/training/trainer.h"

// What a fit puts into a TrainingState, and takes out of it.
namespace manul {
namespace {

/// 1 had other totals; at the end of an epoch, where they are all 0, it is read.
constexpr int64_t format = 2;

/// Which logs every epoch has, and all their values one after the other.
void add_history(TrainingState& state, const History& history) {
  Config::List epochs;
  std::vector<double> values;
  for (const Logs& logs : history.epochs()) {
    Config::List names;
    for (const auto& [name, value] : logs) {
      names.emplace_back(name);
      values.push_back(value);
    }
    epochs.emplace_back(std::move(names));
  }
  state.values.set("history", std::move(epochs));
  if (!values.empty()) state.add("history", Tensor::from(values, {static_cast<int64_t>(values.size())}));
}

History read_history(const TrainingState& state) {
  int64_t count = 0;
  const Config::List& epochs = state.values.at("history").as_list();
  for (const Config& names : epochs) count += static_cast<int64_t>(names.as_list().size());
  std::vector<double> values;
  if (count > 0) values = state.tensor("history", count).to(DType::f64).to_vector<double>();
  History history;
  size_t next = 0;
  for (const Config& names : epochs) {
    Logs logs;
    for (const Config& name : names.as_list()) logs.emplace_back(name.as_string(), values[next++]);
    history.add(std::move(logs));
  }
  return history;
}

}  // namespace

TrainingState Trainer::make_state() const {
  StepState step_state = model.state().read();
  TrainingState state;
  state.values = Config::map({{"format", format},
                              {"iteration", step_state.iteration},
                              {"position", samples},
                              {"first_order", first_order_},
                              {"seed", std::bit_cast<int64_t>(seed_)},
                              {"stopped_early", history.stop_reason == StopReason::early_stopping}});
  state.add("learning_rate", step_state.learning_rate);
  state.add("totals", totals_.to(Device::cpu()).clone());
  add_history(state, history);
  for (const Callback* callback : options_.callbacks) callback->save_state(state);
  return state;
}

void Trainer::resume(const TrainingState& state) {
  int64_t found = state.values.at("format").as_int();
  if (found != 1 && found != format)
    fail(ErrorKind::model_file, "training state: its format is {}, this program reads 1 and {}", found,
         format);
  history = read_history(state);
  epoch = static_cast<int64_t>(history.epochs().size());
  samples = state.values.at("position").as_int();
  if (samples < 0 || samples > source_.size())
    fail(ErrorKind::model_file, "training state: it stopped at sample {} of an epoch, the data has {}",
         samples, source_.size());
  step = (samples + options_.batch_size - 1) / options_.batch_size;
  seed_ = std::bit_cast<uint64_t>(state.values.at("seed").as_int());
  first_order_ = state.values.get("first_order", int64_t{0});
  if (found == format)
    totals_.copy_from(state.tensor("totals", totals_.elements()).view(totals_.shape()));
  else if (samples > 0)
    fail(ErrorKind::model_file,
         "training state: it was saved by an older version at sample {} of an epoch, whose metrics cannot be "
         "continued; a state of the end of an epoch can",
         samples);
  model.state().write({.iteration = state.values.at("iteration").as_int(),
                       .epoch = first_order_ + epoch,
                       .position = samples,
                       .seed = seed_,
                       .learning_rate = state.number("learning_rate")});
  if (state.values.at("stopped_early").as_bool()) stop(StopReason::early_stopping);
  for (Callback* callback : options_.callbacks) callback->load_state(state);
}

/// After loading, the training state says how many there were.
int64_t Model::epochs_begun() const {
  if (epochs_begun_ > 0 || training_state.empty() || !training_state.values.find("history"))
    return epochs_begun_;
  const Config& values = training_state.values;
  auto done = static_cast<int64_t>(values.at("history").as_list().size());
  return values.get("first_order", int64_t{0}) + done + (values.get("position", int64_t{0}) > 0 ? 1 : 0);
}

}  // namespace manul
