#pragma once

#include "manul/layers/config/object_table.h"
#include "manul/ops/schedules/schedule_of.h"

namespace manul {

/// All schedules that files know.
ObjectTable<Schedule>& schedule_table();

template <class Options>
void register_schedule() {
  schedule_table().add(
      {.name = Options::class_name,
       .make =
           [](const Config& config) {
             static constexpr std::array<std::string_view, 1> common{"name"};
             return std::make_unique<ScheduleOf<Options>>(read_options<Options>(config, common));
           },
       .config =
           [](const Schedule& schedule) {
             return write_options(dynamic_cast<const ScheduleOf<Options>&>(schedule).options());
           },
       .describe = [](Description& description) { Options().describe(description); },
       .type = &typeid(ScheduleOf<Options>)});
}

template <>
struct OptionType<LearningRate> {
  static constexpr const char* wanted = "a number or a schedule";
  static std::optional<LearningRate> read(const Config& config);
  static Config write(const LearningRate& value);
};

template <>
struct OptionType<std::vector<double>> {
  static constexpr const char* wanted = "a list of numbers";
  static std::optional<std::vector<double>> read(const Config& config);
  static Config write(const std::vector<double>& value);
  static std::vector<double> numbers(const std::vector<double>& value) { return value; }
};

}  // namespace manul
