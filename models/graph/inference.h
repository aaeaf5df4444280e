#pragma once

#include <map>

#include "manul/framework/cpu/kept_weights.h"
#include "manul/models/graph/plan.h"

namespace manul {

/// A model's graph as it predicts: layers that only training needs left out, normalizations folded into the
/// weights before them and weights cast once for each state of the parameters, and on a GPU the run of a
/// repeated length of batch replayed as a whole. On the CPU the weights of convolutions are kept as these
/// read them, beside the weights, if they have not changed since the run before.
class Inference {
 public:
  /// `flat`: a graph whose layers are built, without nested ones; `parameters` theirs.
  Inference(const Graph& flat, const Fusion& fusion, const ParameterSet& parameters);
  ~Inference();
  Inference(const Inference&) = delete;
  Inference& operator=(const Inference&) = delete;

  /// The outputs for one batch, in memory that the next run may use again. Records nothing.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, const CallContext& context);
  /// The plan, for runs that prepare() goes before.
  const Plan& plan() const { return plan_; }
  AutocastScope::Casts& casts() { return casts_; }
  /// Computes anew what follows from the parameters, if they may have changed since the last time.
  void prepare();
  /// How often that was.
  int64_t times_prepared() const { return times_prepared_; }
  /// True: nothing is captured and replayed.
  void set_eager(bool eager) { eager_ = eager; }

 private:
  struct Captured;
  /// What decides what was computed from the parameters.
  struct Version {
    uint64_t values = 0, statistics = 0, replays = 0;
    bool operator==(const Version&) const = default;
  };
  std::vector<Tensor> run_captured(const std::vector<Tensor>& inputs, const CallContext& context);
  Captured& captured_for(const std::vector<Tensor>& inputs);

  const ParameterSet& parameters_;
  Plan plan_;
  AutocastScope::Casts casts_;
  cpu::KeptWeights kept_;
  Version version_;
  int64_t times_prepared_ = 0, runs_ = 0, prepared_for_run_ = 0;
  bool eager_ = false;
  std::map<int64_t, std::unique_ptr<Captured>> captured_;  // by length of the batch
};

}  // namespace manul
