#include "manul/models/training/trainer.h"

#include "manul/framework/distributed/communicator.h"
#include "manul/framework/distributed/parts.h"
#include "manul/framework/error.h"
#include "manul/models/training/progress_line.h"

namespace manul {

BatchSource::BatchSource(const Model& model, Dataset& data, int64_t batch_size, Use use)
    : data_(data),
      device_(model.device()),
      size_(data.size()),
      batch_size_(batch_size),
      shared_(use == Use::by_all_processes && !processes().is_alone()),
      spec_(data.spec()) {
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
  if (use == Use::by_this_one) return;
  size_t trained = model.trained_outputs();
  check(trained == spec_.labels.size(), "fit: the data has {} labels, the model {} outputs with a loss",
        spec_.labels.size(), trained);
}

BatchPart BatchSource::part(int64_t length) const {
  return shared_ ? part_of_batch(length) : BatchPart{.length = length};
}

void BatchSource::begin_epoch(int64_t epoch, uint64_t seed, bool shuffle, int64_t first) {
  first_ = first;
  if (shared_)
    data_.begin_epoch(own_samples(order_of_epoch(size_, epoch, seed, shuffle), first, batch_size_));
  else
    data_.begin_epoch(epoch, seed, shuffle);
}

int64_t BatchSource::place(int64_t position) const {
  return shared_ ? (position - first_) / batch_size_ * part(batch_size_).length : position;
}

void BatchSource::prepare(int64_t position, int64_t length, int64_t steps) {
  data_.prepare_batch(place(position), steps * part(length).length);
}

const Batch& BatchSource::next(const DeviceStepState& state, int64_t length) {
  length = part(length).length;
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
            const BatchPart& part = state_.part();
            Model::BatchResult result = model_.loss_of(batch, false, part);
            if (part.counts) model_.add_to_totals(result, batch, totals_);
            advance_step_kernel(state_.tensor(), part.length);
          },
          model.device()) {}

Logs Evaluator::run(Verbose verbose) {
  EvaluationBar bar("evaluate", source_.size(), source_.steps(), verbose);
  model_.prepare_evaluation();
  source_.begin_epoch(0, 0, false);
  state_.write({});
  totals_.fill_zero();
  for (int64_t position = 0; position < source_.size(); position += length_) {
    length_ = source_.length_at(position);
    state_.set_part(source_.part(length_));
    source_.prepare(position, length_);
    step_.run(length_);
    bar.show(position + length_, [this] { return model_.logs_of(totals_); });  // of this process's part
  }
  processes().sum(totals_);
  Logs logs = model_.logs_of(totals_);
  bar.end(logs);
  return logs;
}

Trainer::Trainer(Model& model, Dataset& train, const FitOptions& options)
    : FitProgress(model),
      options_(options),
      source_(model, train, options.batch_size),
      totals_(model.new_totals()),
      part_totals_(model.new_totals()),
      seed_(model.state().read().seed),
      step_(
          [this] {
            const Batch& batch = source_.next(this->model.state(), length_);
            Model::BatchResult result = this->model.train_step(batch);
            if (this->model.state().part().counts)
              this->model.add_to_totals(result, batch, processes().is_alone() ? totals_ : part_totals_);
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
void Trainer::tell(Event event, bool may_stop) {
  for (Callback* callback : options_.callbacks) event(*callback);
  if (!processes().is_alone()) {
    if (may_stop) look_at_stop();
    share_decisions();
  }
  if (pending_checkpoints_.empty() && !another_saves_) return;
  share_statistics();
  model.training_state = make_state();
  for (const std::string& path : std::exchange(pending_checkpoints_, {})) model.save(path);
  processes().barrier();
}

void Trainer::start() {
  require_joined("fit");
  processes().barrier();  // some may have read their data sooner
  StepState state = model.state().read();
  state.epoch = first_order_;
  state.position = 0;
  model.state().write(state);
  tell([this](Callback& callback) { callback.on_train_begin(*this); });
  if ((options_.resume || goes_on_) && !model.training_state.empty()) resume(model.training_state);
  check_same_start();
}

History Trainer::run() {
  model.running_fit_ = running_;
  start();
  for (; epoch < epochs && !stopped_; ++epoch) {
    model.state().set(&StepState::epoch, first_order_ + epoch);
    begin_epoch();
    tell([this](Callback& callback) { callback.on_epoch_begin(*this); }, true);
    if (!run_steps()) break;
    end_epoch();
  }
  model.state().set_part({});
  history.stopped_epoch = epoch;
  history.stopped_step = step;
  if (history.stop_reason != StopReason::requested) model.optimizer().finalize();
  model.training_state = make_state();
  tell([this](Callback& callback) { callback.on_train_end(*this); });
  return history;
}

void Trainer::begin_epoch() {
  source_.begin_epoch(first_order_ + epoch, seed_, options_.shuffle, samples);
  data_epochs_begun_ = source_.data().epochs_begun();
  placed_ = false;
  model.epochs_begun_ = first_order_ + epoch + 1;
}

void Trainer::continue_epoch() {
  if (source_.data().epochs_begun() != data_epochs_begun_) begin_epoch();
}

/// Tells the step which samples it has.
void Trainer::take_part() {
  BatchPart part = source_.part(length_);
  if (!part.is_whole() && !placed_) model.state().set(&StepState::position, source_.place(samples));
  placed_ = true;
  model.state().set_part(part);
}

int64_t Trainer::steps_at_once() const {
  if (!source_.data().is_resident()) return 1;
  int64_t whole_batches = (source_.size() - samples) / options_.batch_size;
  return std::clamp<int64_t>(options_.steps_per_execution, 1, std::max<int64_t>(whole_batches, 1));
}

void Trainer::look_at_stop() {
  if (options_.stop && *options_.stop) stop(StopReason::requested);
}

bool Trainer::run_steps() {
  while (samples < source_.size()) {
    if (processes().is_alone()) look_at_stop();
    if (stopped_) return false;
    length_ = source_.length_at(samples);
    int64_t count = steps_at_once();
    continue_epoch();
    take_part();
    source_.prepare(samples, length_, count);
    step_.run(length_, count);
    samples += count * length_;
    step += count;
    share_totals();
    bool more_follow = samples < source_.size();
    tell([this](Callback& callback) { callback.on_step_end(*this); }, more_follow);
  }
  return true;
}

void Trainer::end_epoch() {
  share_statistics();
  Logs logs = running_logs();
  if (validation_)
    for (auto& [name, value] : validation_->run()) logs.emplace_back("val_" + name, value);
  history.add(logs);
  totals_.fill_zero();
  model.state().set(&StepState::position, int64_t{0});
  step = samples = 0;
  check_same_weights(fmt::format("at the end of epoch {}", epoch + 1));
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
