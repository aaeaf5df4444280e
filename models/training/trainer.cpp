#include "manul/models/training/trainer.h"

#include "manul/framework/error.h"
#include "manul/models/training/progress_line.h"

namespace manul {

BatchSource::BatchSource(const Model& model, Dataset& data, int64_t batch_size, bool with_labels)
    : data_(data), device_(model.device()), size_(data.size()), batch_size_(batch_size), spec_(data.spec()) {
  check(batch_size > 0, "fit: a batch has at least one sample, not {}", batch_size);
  if (size_ < 1) fail(ErrorKind::data, "fit: there are no samples in the data");
  const Graph& graph = model.graph();
  check(graph.inputs().size() == spec_.inputs.size(), "fit: the data has {} inputs, the model {}",
        spec_.inputs.size(), graph.inputs().size());
  for (size_t i = 0; i < spec_.inputs.size(); ++i) {
    const Shape& wanted = graph.nodes()[graph.inputs()[i]].shape;
    check(spec_.inputs[i].shape == wanted, "fit: samples {} do not fit the model, which takes {}",
          spec_.inputs[i].shape, wanted);
  }
  if (!with_labels) return;
  size_t trained = model.trained_outputs();
  check(trained == spec_.labels.size(), "fit: the data has {} labels, the model {} outputs with a loss",
        spec_.labels.size(), trained);
}

const Batch& BatchSource::next(const DeviceStepState& state, int64_t length) {
  Batch& batch = batches_[length];
  if (batch.inputs.empty()) batch = spec_.empty_batch(length, device_);
  data_.next_batch(state, batch);
  return batch;
}

Evaluator::Evaluator(Model& model, Dataset& data, int64_t batch_size)
    : model_(model),
      source_(model, data, batch_size),
      state_(model.device()),
      totals_(model.new_totals()),
      step_(
          [this] {
            const Batch& batch = source_.next(state_, length_);
            model_.add_to_totals(model_.loss_of(batch, false), batch, totals_);
            advance_step_kernel(state_.tensor(), length_);
          },
          model.device()) {}

Logs Evaluator::run(Verbose verbose) {
  EvaluationBar bar("evaluate", source_.size(), source_.steps(), verbose);
  source_.data().begin_epoch(0, 0, false);
  state_.write({});
  totals_.fill_zero();
  for (int64_t position = 0; position < source_.size(); position += length_) {
    length_ = source_.length_at(position);
    source_.prepare(position, length_);
    step_.run(length_);
    bar.show(position + length_, [this] { return model_.logs_of(totals_); });
  }
  Logs logs = model_.logs_of(totals_);
  bar.end(logs);
  return logs;
}

Trainer::Trainer(Model& model, Dataset& train, const FitOptions& options)
    : FitProgress(model),
      options_(options),
      source_(model, train, options.batch_size),
      totals_(model.new_totals()),
      seed_(model.state().read().seed),
      step_(
          [this] {
            const Batch& batch = source_.next(this->model.state(), length_);
            Model::BatchResult result = this->model.train_step(batch);
            this->model.add_to_totals(result, batch, totals_);
          },
          model.device()) {
  check(options.steps_per_execution > 0, "fit: an execution has at least one step, not {}",
        options.steps_per_execution);
  for (const Callback* callback : options.callbacks) check(callback != nullptr, "fit: a callback is null");
  epochs = options.epochs;
  first_order_ = model.epochs_begun();
  steps = source_.steps();
  if (options.validation)
    validation_ = std::make_unique<Evaluator>(model, *options.validation, options.batch_size);
}

template <class Event>
void Trainer::tell(Event event) {
  for (Callback* callback : options_.callbacks) event(*callback);
  if (pending_checkpoints_.empty()) return;
  model.training_state = make_state();
  for (const std::string& path : std::exchange(pending_checkpoints_, {})) model.save(path);
}

void Trainer::start() {
  StepState state = model.state().read();
  state.epoch = first_order_;
  state.position = 0;
  model.state().write(state);
  tell([this](Callback& callback) { callback.on_train_begin(*this); });
  if ((options_.resume || goes_on_) && !model.training_state.empty()) resume(model.training_state);
}

History Trainer::run() {
  model.running_fit_ = running_;
  start();
  for (; epoch < epochs && !stopped_; ++epoch) {
    model.state().set(&StepState::epoch, first_order_ + epoch);
    begin_epoch();
    tell([this](Callback& callback) { callback.on_epoch_begin(*this); });
    if (!run_steps()) break;
    end_epoch();
  }
  history.stopped_epoch = epoch;
  history.stopped_step = step;
  if (history.stop_reason != StopReason::requested) model.optimizer().finalize();
  model.training_state = make_state();
  tell([this](Callback& callback) { callback.on_train_end(*this); });
  return history;
}

void Trainer::begin_epoch() {
  source_.data().begin_epoch(first_order_ + epoch, seed_, options_.shuffle);
  data_epochs_begun_ = source_.data().epochs_begun();
  model.epochs_begun_ = first_order_ + epoch + 1;
}

void Trainer::continue_epoch() {
  if (source_.data().epochs_begun() != data_epochs_begun_) begin_epoch();
}

int64_t Trainer::steps_at_once() const {
  if (!source_.data().is_resident()) return 1;
  int64_t whole_batches = (source_.size() - samples) / options_.batch_size;
  return std::clamp<int64_t>(options_.steps_per_execution, 1, std::max<int64_t>(whole_batches, 1));
}

bool Trainer::run_steps() {
  while (samples < source_.size()) {
    if (options_.stop && *options_.stop) stop(StopReason::requested);
    if (stopped_) return false;
    length_ = source_.length_at(samples);
    int64_t count = steps_at_once();
    continue_epoch();
    source_.prepare(samples, count * length_);
    step_.run(length_, count);
    samples += count * length_;
    step += count;
    tell([this](Callback& callback) { callback.on_step_end(*this); });
  }
  return true;
}

void Trainer::end_epoch() {
  Logs logs = running_logs();
  if (validation_)
    for (auto& [name, value] : validation_->run()) logs.emplace_back("val_" + name, value);
  history.add(logs);
  totals_.fill_zero();
  model.state().set(&StepState::position, int64_t{0});
  step = samples = 0;
  tell([&](Callback& callback) { callback.on_epoch_end(*this, logs); });
}

Logs Trainer::running_logs() {
  return model.logs_of(totals_);
}

void Trainer::stop(StopReason reason) {
  stopped_ = true;
  history.stop_reason = reason;
}

void Trainer::save_checkpoint(const std::string& path) {
  pending_checkpoints_.push_back(path);
}

}  // namespace manul
