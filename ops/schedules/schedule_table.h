#pragma once

#include "manul/framework/config/object_table.h"
#include "manul/ops/schedules/schedule_of.h"

namespace manul {

/// All schedules that files know.
ObjectTable<Schedule>& schedule_table();

template <>
struct OptionType<LearningRate> {
  static constexpr const char* wanted = "a number or a schedule";
  static std::optional<LearningRate> read(const Config& config);
  static Config write(const LearningRate& value);
};

}  // namespace manul
