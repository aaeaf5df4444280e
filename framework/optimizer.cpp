#include "manul/framework/optimizer.h"

#include <algorithm>
#include <regex>

#include "manul/framework/cpu/take_range.h"
#include "manul/framework/distributed/gradient_sums.h"
#include "manul/framework/error.h"

namespace manul {
namespace {

/// While it lives, the parameters' gradients may be handed to `update` as they are made.
class Takers {
 public:
  Takers(ParameterSet& parameters, const GradientTaker& update) : parameters_(parameters) {
    int64_t size = size_of(parameters.values().dtype());
    for (Parameter& parameter : parameters.all()) {
      Leaf* leaf = parameter.value.leaf();
      if (!leaf) continue;
      int64_t offset = parameter.offset;
      leaf->taker.take = [&update, offset](int64_t first, int64_t count, const void* values) {
        update.take(offset + first, count, values);
      };
      for (const void* buffer : update.buffers)
        leaf->taker.buffers.push_back(static_cast<const std::byte*>(buffer) + offset * size);
    }
  }
  ~Takers() {
    for (Parameter& parameter : parameters_.all())
      if (Leaf* leaf = parameter.value.leaf()) {
        leaf->taker = {};
        leaf->taken = false;
      }
  }
  Takers(const Takers&) = delete;
  Takers& operator=(const Takers&) = delete;

 private:
  ParameterSet& parameters_;
};

Tensor filled_like(const Tensor& values, double value) {
  return value == 0 ? Tensor::zeros(values.shape(), values.dtype(), values.device())
                    : Tensor::full(values.shape(), value, values.dtype(), values.device());
}

void check_positive(const char* name, const std::optional<double>& value) {
  check(!value || *value > 0, "optimizer: {} must be above 0, not {}", name, value.value_or(0));
}

void check_at_least_1(const char* name, const std::optional<int64_t>& value) {
  check(!value || *value >= 1, "optimizer: {} must be at least 1, not {}", name, value.value_or(0));
}

}  // namespace

Optimizer::Optimizer(OptimizerOptions common) : common_(std::move(common)) {
  check_positive("clipnorm", common_.clipnorm);
  check_positive("global_clipnorm", common_.global_clipnorm);
  check_positive("clipvalue", common_.clipvalue);
  check_at_least_1("ema_overwrite_frequency", common_.ema_overwrite_frequency);
  check_at_least_1("gradient_accumulation_steps", common_.gradient_accumulation_steps);
  check(common_.ema_momentum >= 0 && common_.ema_momentum <= 1,
        "optimizer: ema_momentum must be from 0 to 1, not {}", common_.ema_momentum);
  for (const std::string& pattern : common_.exclude_from_weight_decay) try {
      std::regex{pattern};
    } catch (const std::regex_error& error) {
      fail(ErrorKind::failed, "optimizer: exclude_from_weight_decay: {} is no regular expression: {}",
           pattern, error.what());
    }
}

void Optimizer::attach(ParameterSet& parameters) {
  check(parameters.gradients().defined(), "optimizer: the parameters have no gradients");
  parameters_ = &parameters;
  lifetime_ = parameters.lifetime();
  const Tensor& values = attached_values_ = parameters.values();
  slots_.clear();
  for (OptimizerSlot& spec : slot_specs()) {
    Tensor slot = filled_like(values, spec.initial_value);
    slots_.push_back({std::move(spec), std::move(slot)});
  }
  common_slots_.clear();
  if (common_.use_ema) {
    common_slots_.push_back({{"average", "average"}, filled_like(values, 0)});
    common_slots_.back().values.copy_from(values);
  }
  if (common_.gradient_accumulation_steps)
    common_slots_.push_back({{"gradient_accumulator", "gradient_accumulator"}, filled_like(values, 0)});
  chunked_.clear();
  make_treatments();
  attached();
}

ParameterSet& Optimizer::parameters() const {
  check(parameters_ != nullptr, "optimizer: it was used before attach");
  check(!lifetime_.expired(), "optimizer: the parameters that it was attached to are gone, with their model");
  check(parameters_->values().raw_data() == attached_values_.raw_data(),
        "optimizer: another model that shares these layers has moved their parameters: compile or attach "
        "again");
  return *parameters_;
}

void Optimizer::make_treatments() {
  treatments_ = {};
  double decay = weight_decay();
  bool clips_norm = common_.clipnorm || common_.global_clipnorm;
  if (decay == 0 && !clips_norm && !common_.clipvalue) return;
  std::vector<std::regex> excluded(common_.exclude_from_weight_decay.begin(),
                                   common_.exclude_from_weight_decay.end());
  const Tensor& values = attached_values_;
  std::vector<double> factors;
  for (const Parameter& parameter : parameters_->all()) {
    bool is_excluded = std::any_of(excluded.begin(), excluded.end(), [&](const std::regex& pattern) {
      return std::regex_search(parameter.path, pattern);
    });
    factors.insert(factors.end(), {1, 1, is_excluded ? 0 : decay});
  }
  treatments_.parameter_of = rows_of_parameters();
  treatments_.factors = Tensor::from(factors, {static_cast<int64_t>(factors.size()) / 3, 3})
                            .to(values.dtype())
                            .to(values.device());
  if (common_.clipvalue && !clips_norm) treatments_.clipvalue = *common_.clipvalue;
}

Tensor Optimizer::rows_of_parameters() const {
  std::vector<int32_t> rows(attached_values_.elements() / ParameterSet::alignment);
  int32_t row = 0;
  for (const Parameter& parameter : parameters_->all()) {
    int64_t end = parameter.statistic ? 0 : parameter.offset + parameter.shape.elements();
    for (int64_t i = parameter.offset; i < end; i += ParameterSet::alignment)
      rows[i / ParameterSet::alignment] = row;
    ++row;
  }
  return Tensor::from(rows, {static_cast<int64_t>(rows.size())}).to(attached_values_.device());
}

const GradientChunks& Optimizer::trained_chunks() {
  refresh_chunks();
  return chunks_;
}

/// Where the gradients of what is trainable now lie.
void Optimizer::refresh_chunks() {
  std::vector<bool> trainable;
  for (const Parameter& parameter : parameters_->all()) trainable.push_back(parameter.trainable);
  if (trainable == chunked_) return;
  chunked_ = std::move(trainable);
  std::vector<int32_t> places, first_of{0};
  for (const Parameter& parameter : parameters_->all()) {
    int64_t count = parameter.trainable ? parameter.shape.elements() : 0;
    for (int64_t i = 0; i < count; i += GradientChunks::length) {
      places.push_back(static_cast<int32_t>((parameter.offset + i) / ParameterSet::alignment));
      places.push_back(static_cast<int32_t>(std::min(count - i, GradientChunks::length)));
    }
    first_of.push_back(static_cast<int32_t>(places.size() / 2));
  }
  Device device = attached_values_.device();
  chunks_.places = Tensor::from(places, {static_cast<int64_t>(places.size()) / 2, 2}).to(device);
  chunks_.first_of = Tensor::from(first_of, {static_cast<int64_t>(first_of.size())}).to(device);
}

Update Optimizer::whole(const Tensor& state) const {
  Update update{.state = state,
                .learning_rate = initial_learning_rate(),
                .together = common_.gradient_accumulation_steps.value_or(1),
                .gradients = parameters_->gradients(),
                .values = parameters_->values()};
  for (const Slot& slot : slots_) update.slots.push_back(slot.values);
  if (treatments_.any()) update.treatments = &treatments_;
  return update;
}

void Optimizer::collect(const Tensor& state) {
  if (!common_.gradient_accumulation_steps) return;
  const Tensor &gradients = parameters_->gradients(), &collected = common_slots_.back().values;
  for (auto [begin, end] : parameters_->trainable_segments())
    collect_gradients_kernel(state, *common_.gradient_accumulation_steps,
                             gradients.range(begin, {end - begin}), collected.range(begin, {end - begin}));
}

void Optimizer::clip(const Tensor& /*state*/) {
  if (!common_.clipnorm && !common_.global_clipnorm) return;
  refresh_chunks();
  bool is_global = !common_.clipnorm;
  clip_norms_kernel(parameters_->gradients(), chunks_.places, chunks_.first_of,
                    is_global ? *common_.global_clipnorm : *common_.clipnorm, is_global, treatments_.factors);
}

bool Optimizer::has_followers() const {
  bool constrains = false;
  for (const Parameter& parameter : parameters_->all()) constrains = constrains || parameter.constraint;
  return common_.use_ema || constrains;
}

/// What comes after the update: averages, then constraints, as in Keras.
void Optimizer::follow(const Tensor& state) {
  if (common_.use_ema) {
    const Tensor &values = parameters_->values(), &averages = common_slots_.front().values;
    for (auto [begin, end] : parameters_->trainable_segments())
      average_values_kernel(state, common_.gradient_accumulation_steps.value_or(1), common_.ema_momentum,
                            common_.ema_overwrite_frequency.value_or(0), values.range(begin, {end - begin}),
                            averages.range(begin, {end - begin}));
  }
  for (const Parameter& parameter : parameters_->all())
    if (parameter.trainable && parameter.constraint) parameter.constraint->apply(parameter.value);
}

void Optimizer::update(const DeviceStepState& state, int64_t samples) {
  parameters().take_gradients();
  std::vector<ParameterSet::Segment> segments = parameters_->trainable_segments();
  LearningRate rate = learning_rate();
  if (rate.schedule()) rate.schedule()->set_rate(state.tensor());
  collect(state.tensor());
  clip(state.tensor());
  bool counted = !segments.empty() && counts_steps() && !has_followers();
  Update all = whole(state.tensor());
  for (size_t i = 0; i < segments.size(); ++i) {
    Update update = all.range(segments[i].begin, segments[i].end - segments[i].begin);
    if (counted && i + 1 == segments.size()) update.samples = samples;
    apply(update);
  }
  follow(state.tensor());
  if (!counted) advance_step_kernel(state.tensor(), samples);
}

void Optimizer::minimize(Tape& tape, const Tensor& loss, const DeviceStepState& state, int64_t samples) {
  bool in_ranges = parameters().values().device().is_cpu() && !common_.gradient_accumulation_steps &&
                   !common_.clipnorm && !common_.global_clipnorm && state.part().is_whole();
  LearningRate rate = learning_rate();
  if (in_ranges && rate.schedule()) rate.schedule()->set_rate(state.tensor());
  GradientTaker taker = in_ranges ? range_update(whole(state.tensor())) : GradientTaker();
  if (!taker) {
    if (state.part().is_whole())
      tape.backward(loss, *parameters_);
    else
      backward_of_part(tape, loss, state.part());
    return update(state, samples);
  }
  {
    Takers takers(*parameters_, taker);
    tape.backward(loss, *parameters_);
    parameters_->take_gradients();
    update_the_rest(taker);
  }
  follow(state.tensor());
  advance_step_kernel(state.tensor(), samples);
}

void Optimizer::backward_of_part(Tape& tape, const Tensor& loss, const BatchPart& part) {
  GradientSums sums(*parameters_, sums_in_bf16_);
  tape.backward(loss, *parameters_, part.share(), [&](const Leaf& leaf) { sums.add(leaf); });
  sums.finish();
}

void Optimizer::update_the_rest(const GradientTaker& update) {
  const Tensor& gradients = parameters_->gradients();
  auto was_not_taken = [](const Parameter& parameter) {
    return parameter.trainable && !(parameter.value.leaf() && parameter.value.leaf()->taken);
  };
  for (ParameterSet::Segment segment : parameters_->segments(was_not_taken))
    cpu::take_range(update, segment.begin, segment.end, gradients.raw_data(), size_of(gradients.dtype()));
}

void Optimizer::finalize() const {
  if (!common_.use_ema) return;
  const Tensor &values = parameters().values(), &averages = common_slots_.front().values;
  for (auto [begin, end] : parameters_->trainable_segments())
    values.range(begin, {end - begin}).copy_from(averages.range(begin, {end - begin}));
}

}  // namespace manul
