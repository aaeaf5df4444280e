#pragma once

#include <algorithm>

#include "manul/ops/optimizers/optimizer_of.h"

// The loops over the elements of an update; where this is included they are compiled.
namespace manul::cpu {
namespace detail {

/// `count` elements of one parameter.
template <bool treated, class Rule, class Prepared, class T, class... Slot>
[[gnu::noinline]] void update_elements(Rule rule, Prepared prepared, Treatment<T> treatment, int64_t count,
                                       const T* __restrict gradients, T* __restrict values,
                                       Slot* __restrict... slots) {
  for (int64_t i = 0; i < count; ++i) {
    T gradient = gradients[i], value = values[i];
    std::array<T, sizeof...(Slot) + 1> own{slots[i]...};
    if constexpr (treated) treatment(gradient, value);
    rule(prepared, gradient, value, own.data());
    values[i] = value;
    [[maybe_unused]] int at = 0;
    ((slots[i] = own[at++]), ...);
  }
}

/// What a range needs of an update, whichever thread it comes from.
template <class T, class Rule>
struct RangeUpdate {
  Rule rule;
  UpdateStep<T> step;
  decltype(rule.prepare(step)) prepared;
  T* values;
  std::array<T*, Rule::slots + 1> slots{};
  int64_t begin;
  const int32_t* parameter_of = nullptr;  // null: no treatments
  const T* factors = nullptr;
  T clip;

  RangeUpdate(const Rule& rule, const UpdateStep<T>& step, const Update& update)
      : rule(rule),
        step(step),
        prepared(rule.prepare(step)),
        values(update.values.mutable_data<T>()),
        begin(update.begin),
        clip(static_cast<T>(update.treatments ? update.treatments->clipvalue : 0)) {
    check(update.slots.size() == Rule::slots, "optimizer: it has {} slots, its update {}",
          update.slots.size(), Rule::slots);
    for (int k = 0; k < Rule::slots; ++k) slots[k] = update.slots[k].mutable_data<T>();
    if (!update.treatments) return;
    parameter_of = update.treatments->parameter_of.data<int32_t>();
    factors = update.treatments->factors.data<T>();
  }

  template <bool treated, size_t... k>
  void run(std::index_sequence<k...>, const Treatment<T>& treatment, int64_t first, int64_t count,
           const T* gradients) const {
    update_elements<treated>(rule, prepared, treatment, count, gradients, values + first,
                             (slots[k] + first)...);
  }
  void operator()(int64_t first, int64_t count, const T* gradients) const {
    constexpr auto all_slots = std::make_index_sequence<Rule::slots>();
    if (!parameter_of) return run<false>(all_slots, {}, first, count, gradients);
    for (int64_t end = first + count; first < end;) {
      int64_t place = (begin + first) / 16, last = (begin + end + 15) / 16, next = place + 1;
      int32_t row = parameter_of[place];
      while (next < last && parameter_of[next] == row) ++next;
      int64_t length = std::min(end, next * 16 - begin) - first;
      const T* factor = factors + 3 * row;
      run<true>(all_slots, {factor[0], factor[1], clip, factor[2], step.learning_rate}, first, length,
                gradients);
      first += length;
      gradients += length;
    }
  }
};

}  // namespace detail

/// CompiledUpdate::on_cpu. Null-taking ranges while gradients are still collected.
template <class Options>
GradientTaker range_update(const Options& options, const Update& update) {
  return visit_float(update.values.dtype(), Options::class_name, [&](auto zero) -> GradientTaker {
    using T = decltype(zero);
    UpdateMoment<T> moment(*state_in(update.state), update.learning_rate, update.together);
    if (!moment.applies) return {[](int64_t, int64_t, const void*) {}};
    return visit_rule<T>(options, [&]<class Rule>(const Rule& rule) -> GradientTaker {
      detail::RangeUpdate<T, Rule> range(rule, moment.step, update);
      GradientTaker taker{[range](int64_t first, int64_t count, const void* gradients) {
        range(first, count, static_cast<const T*>(gradients));
      }};
      for (int k = 0; k < Rule::slots; ++k) taker.buffers.push_back(range.slots[k]);
      taker.buffers.push_back(range.values);
      return taker;
    });
  });
}

}  // namespace manul::cpu
