#include "manul/ops/schedules/schedules.h"

#include "manul/ops/schedules/own_schedule.h"

namespace manul {

#ifdef MANUL_WITH_CUDA
namespace cuda {
/// Of schedules.cu: registers the schedules there.
void link_schedules();
}  // namespace cuda
#endif

namespace {

const bool compiled = [] {
  KerasSchedules::for_each(
      []<class Options>(std::type_identity<Options>) { ScheduleRegistration<Options>(); });
#ifdef MANUL_WITH_CUDA
  cuda::link_schedules();
#endif
  return true;
}();

}  // namespace

void need_compiled_schedule(bool found, std::string_view class_name, Device device) {
  if (found && compiled) return;
  fail(ErrorKind::device,
       "schedule {}: it is not compiled for {} in this program: compile a .cu file with a "
       "cuda::ScheduleRegistration of it (manul/ops/schedules/schedule_kernel.h)",
       class_name, device.name());
}

ObjectTable<Schedule>& schedule_table() {
  static ObjectTable<Schedule> table("learning rate schedule");
  return table;
}

std::optional<LearningRate> OptionType<LearningRate>::read(const Config& config) {
  if (config.is_int() || config.is_double()) return LearningRate(config.as_double());
  if (!config.find("class_name")) return std::nullopt;
  need_compiled_schedule(true, {}, Device::cpu());  // so that Keras' schedules are linked
  return LearningRate(std::shared_ptr<const Schedule>(schedule_table().make(config)));
}

Config OptionType<LearningRate>::write(const LearningRate& value) {
  if (!value.schedule()) return value.initial();
  return schedule_table().object_of(*value.schedule());
}

}  // namespace manul
