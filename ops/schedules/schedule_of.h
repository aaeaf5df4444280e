#pragma once

#include "manul/framework/error.h"
#include "manul/framework/host_device.h"
#include "manul/framework/kernel.h"
#include "manul/framework/learning_rate.h"
#include "manul/framework/options_list.h"
#include "manul/framework/step.h"

namespace manul {

/// The device function of the schedule that a struct of options describes; null: no source of the program
/// compiles it for the GPU (ops/schedules/schedule_kernel.h).
template <class Options>
struct CompiledSchedule {
  static inline void (*on_cuda)(const Options& options, const Tensor& state) = nullptr;
};

/// Makes sure that Manul's own schedules are linked. Throws if `compiled` is false.
void need_compiled_schedule(bool compiled, std::string_view class_name, Device device);

/// The schedule of a struct of options. This is all that a schedule takes:
///
///     struct Halving {
///       static constexpr const char* class_name = "Mine>Halving";
///       double initial_learning_rate = 0.1;
///       int64_t every = 1000;
///
///       void describe(auto& description) {
///         description.option("initial_learning_rate", initial_learning_rate);
///         description.option("every", every);
///       }
///       /// Float, as Keras computes schedules.
///       MANUL_HOST_DEVICE float operator()(float step) const {
///         return static_cast<float>(initial_learning_rate) * std::exp2(-std::floor(step / every));
///       }
///     };
///     inline const ScheduleRegistration<Halving> halving_registration;  // files with it are read
///
/// (ops/schedules/own_schedule.h). For the GPU a .cu file includes the header and
/// ops/schedules/schedule_kernel.h and has `const cuda::ScheduleRegistration<Halving> halving_on_cuda;`. A
/// struct with members that no kernel can take has `auto function() const`, which makes an object with that
/// operator, instead of the operator.
template <class Options>
class ScheduleOf final : public Schedule {
 public:
  explicit ScheduleOf(const Options& options) : options_(options) {}

  const Options& options() const { return options_; }
  std::string class_name() const override { return Options::class_name; }
  double at(int64_t iteration) const override {
    return schedule_function(options_)(static_cast<float>(iteration));
  }
  void set_rate(const Tensor& state) const override {
    if (state.device().is_cpu()) {
      StepState* values = mutable_state_in(state);
      values->learning_rate = at(values->iteration);
      return;
    }
    auto* on_cuda = CompiledSchedule<Options>::on_cuda;
    need_compiled_schedule(on_cuda != nullptr, Options::class_name, state.device());
    CallScope scope(state.device());
    on_cuda(options_, state);
  }

 private:
  Options options_;
};

}  // namespace manul
