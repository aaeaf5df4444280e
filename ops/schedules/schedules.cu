#include "manul/ops/schedules/schedules.h"

#include "manul/ops/schedules/schedule_kernel.h"

namespace manul::cuda {

void link_schedules() {
  KerasSchedules::for_each(
      []<class Options>(std::type_identity<Options>) { ScheduleRegistration<Options>(); });
}

}  // namespace manul::cuda
