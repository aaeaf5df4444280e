#include "manul/tools/support/best_epoch.h"

#include <cmath>
#include <limits>

#include "manul/models/graph/model.h"

namespace manul {
namespace {

constexpr const char* last_values = "last_values";
constexpr const char* last_statistics = "last_statistics";

int64_t patience_or_never(int64_t patience) {
  return patience > 0 ? patience : std::numeric_limits<int64_t>::max();
}

void copy_if_defined(const Tensor& from, const Tensor& to) {
  if (from.defined()) to.copy_from(from);
}

}  // namespace

BestEpoch::BestEpoch(std::string monitor, int64_t patience)
    : monitor_(std::move(monitor)),
      early_({.monitor = monitor_, .patience = patience_or_never(patience), .restore_best_weights = true}) {}

bool BestEpoch::has_best() const {
  return std::isfinite(early_.best());
}

void BestEpoch::on_train_begin(FitProgress& fit) {
  early_.on_train_begin(fit);
  last_values_ = last_statistics_ = Tensor();
}

void BestEpoch::on_train_end(FitProgress& fit) {
  const ParameterSet& parameters = fit.model.parameters();
  last_values_ = parameters.values().clone();
  if (parameters.statistics().elements() > 0) last_statistics_ = parameters.statistics().clone();
  early_.on_train_end(fit);
}

void BestEpoch::choose(Model& model, bool best) const {
  std::erase_if(model.training_state.tensors,
                [](const auto& each) { return each.first == last_values || each.first == last_statistics; });
  if (best) {
    if (const Tensor* values = model.training_state.find("early_stopping_values"))
      model.parameters().values().copy_from(*values);
    if (const Tensor* statistics = model.training_state.find("early_stopping_statistics"))
      model.parameters().statistics().copy_from(*statistics);
    model.training_state.add(last_values, last_values_);
    if (last_statistics_.defined()) model.training_state.add(last_statistics, last_statistics_);
    return;
  }
  copy_if_defined(last_values_, model.parameters().values());
  copy_if_defined(last_statistics_, model.parameters().statistics());
}

void BestEpoch::prepare_resume(Model& model, int64_t patience) {
  TrainingState& state = model.training_state;
  if (const Tensor* values = state.find(last_values))
    model.parameters().values().copy_from(
        state.tensor(last_values, model.parameters().values().elements()).view(values->shape()));
  if (const Tensor* statistics = state.find(last_statistics))
    model.parameters().statistics().copy_from(
        state.tensor(last_statistics, model.parameters().statistics().elements()).view(statistics->shape()));
  const Config* saved = state.values.find("early_stopping");
  if (saved && patience_or_never(patience) > saved->at("wait").as_int())
    state.values.set("stopped_early", false);
}

}  // namespace manul
