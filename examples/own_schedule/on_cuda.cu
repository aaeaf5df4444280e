#include "halving.h"
#include "manul/ops/schedules/schedule_kernel.h"

const manul::cuda::ScheduleRegistration<mine::Halving> halving_on_cuda;
