#pragma once

#include <array>
#include <typeinfo>
#include <variant>

#include "manul/framework/optimizer.h"
#include "manul/framework/options_list.h"

namespace manul {

/// The device functions of the update that a struct of options describes. They are compiled where
/// ops/optimizers/own_optimizer.h (CPU) and ops/optimizers/update_kernel.h (GPU) are included; null: nowhere.
template <class Options>
struct CompiledUpdate {
  static inline GradientTaker (*on_cpu)(const Options& options, const Update& update) = nullptr;
  static inline void (*on_cuda)(const Options& options, const Update& update) = nullptr;
};

/// Makes sure that Manul's own updates are linked. Throws if `compiled` is false: `class_name` has no
/// function for this device in this program.
void need_compiled_update(bool compiled, std::string_view class_name, Device device);

/// Does nothing but need the source that enters Keras' optimizers into the table.
void link_keras_optimizers();

/// Runs the update over all of its elements, and counts the step if it says so.
template <class Options>
void run_update(const Options& options, const Update& update);
/// CPU: hands all elements to the taker in parallel, then counts the step if the update says so.
void take_all(const GradientTaker& taker, const Update& update);

/// The optimizer of a struct of options. This is all that an optimizer takes (Adam without its corrections):
///
///     struct Momenta {
///       static constexpr const char* class_name = "Mine>Momenta";
///       LearningRate learning_rate = 0.001;
///       double beta = 0.9;
///
///       void describe(auto& description) {
///         description.option({"learning_rate", "lr"}, learning_rate);
///         description.option("beta", beta);
///       }
///       std::vector<OptimizerSlot> slots() const { return {{"m", "momentum"}}; }
///
///       template <class T>
///       struct Rule {
///         static constexpr int slots = 1;
///         T keep;
///         MANUL_HOST_DEVICE T prepare(const UpdateStep<T>& step) const { return step.learning_rate; }
///         MANUL_HOST_DEVICE void operator()(T rate, T gradient, T& value, T* slot) const {
///           slot[0] = slot[0] * keep + gradient * (1 - keep);
///           value -= rate * slot[0];
///         }
///       };
///       template <class T>
///       Rule<T> rule() const { return {static_cast<T>(beta)}; }
///     };
///
/// Its header includes ops/optimizers/own_optimizer.h and ends with
/// `inline const OptimizerRegistration<Momenta> momenta_registration;`: then files with it are read and
/// written, and the CPU has it. For the GPU a .cu file includes the header and
/// ops/optimizers/update_kernel.h, and has `const cuda::UpdateRegistration<Momenta> momenta_on_cuda;`.
///
/// rule<T>() is called for T = float and double and may return a std::variant of rules (with and without a
/// slot, say); slots() has as many entries as the rule. prepare() gives what is the same for all elements.
/// Of a member `double weight_decay` OptimizerOptions overrule what it says.
template <class Options>
class OptimizerOf : public Optimizer {
 public:
  explicit OptimizerOf(const Options& options = {}, const OptimizerOptions& common = {})
      : Optimizer(common), options_(options) {}

  const Options& options() const { return options_; }
  std::string class_name() const override { return Options::class_name; }
  LearningRate learning_rate() const override { return options_.learning_rate; }
  double weight_decay() const override {
    if constexpr (requires { options_.weight_decay; })
      return common().weight_decay.value_or(options_.weight_decay);
    else
      return Optimizer::weight_decay();
  }

 protected:
  std::vector<OptimizerSlot> slot_specs() const override { return options_.slots(); }
  void apply(const Update& update) override { run_update(options_, update); }
  GradientTaker range_update(const Update& update) const override {
    if (!is_plain()) return {};
    need_compiled_update(CompiledUpdate<Options>::on_cpu, Options::class_name, update.state.device());
    return CompiledUpdate<Options>::on_cpu(options_, update);
  }
  bool counts_steps() const override { return is_plain(); }

 private:
  /// False in a class derived from this one, whose apply() may do more.
  bool is_plain() const { return typeid(*this) == typeid(OptimizerOf); }

  Options options_;
};

template <class Options>
void run_update(const Options& options, const Update& update) {
  using Compiled = CompiledUpdate<Options>;
  Device device = update.state.device();
  bool on_cpu = device.is_cpu();
  need_compiled_update(on_cpu ? Compiled::on_cpu != nullptr : Compiled::on_cuda != nullptr,
                       Options::class_name, device);
  if (!on_cpu) {
    CallScope scope(device);
    return Compiled::on_cuda(options, update);
  }
  take_all(Compiled::on_cpu(options, update), update);
}

/// base^exponent as float32 knows the base; a rule keeps it, prepare() raises it.
struct Power {
  float base;
  double logarithm;

  explicit Power(double base)
      : base(static_cast<float>(base)), logarithm(std::log(static_cast<double>(static_cast<float>(base)))) {}
  /// On a GPU in double and rounded: powf is off by enough for 1 - beta_2^t to show it in the first steps.
  template <class T>
  MANUL_HOST_DEVICE T raised(int64_t exponent) const {
#ifdef __CUDA_ARCH__
    return static_cast<T>(std::exp(static_cast<double>(exponent) * logarithm));
#else
    return std::pow(static_cast<T>(base), static_cast<T>(exponent));
#endif
  }
};

/// Calls `use` with the rule of `options`, the one that it has or that its variant holds.
template <class T, class Options, class Use>
auto visit_rule(const Options& options, const Use& use) {
  auto rule = options.template rule<T>();
  if constexpr (requires { std::variant_size<decltype(rule)>::value; })
    return std::visit(use, rule);
  else
    return use(rule);
}

}  // namespace manul
