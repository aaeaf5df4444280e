#pragma once

#include "manul/ops/schedules/schedule_table.h"

namespace manul {

/// Makes a schedule known to files: one object in the header of a struct of options.
template <class Options>
struct ScheduleRegistration {
  ScheduleRegistration() { register_object<ScheduleOf, Options>(schedule_table(), {"name"}); }
};

}  // namespace manul
