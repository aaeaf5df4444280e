#include "manul/models/training/callbacks/terminate_on_nan.h"

#include <cmath>

#include "manul/framework/error.h"

namespace manul {

void TerminateOnNaN::on_epoch_begin(FitProgress& /*fit*/) {
  looked_ = std::chrono::steady_clock::now();
}

void TerminateOnNaN::on_step_end(FitProgress& fit) {
  auto now = std::chrono::steady_clock::now();
  if (now - looked_ < std::chrono::duration<double>(options_.interval)) return;
  looked_ = now;
  look_at(fit.running_logs().front().second, fit);
}

void TerminateOnNaN::on_epoch_end(FitProgress& fit, const Logs& logs) {
  look_at(logs.front().second, fit);
}

void TerminateOnNaN::look_at(double loss, FitProgress& fit) const {
  if (std::isfinite(loss)) return;
  if (options_.raise_error) fail(ErrorKind::failed, "fit: the loss is {} in epoch {}", loss, fit.epoch + 1);
  fit.stop(StopReason::not_finite);
}

template bool register_callback<TerminateOnNaN, TerminateOnNaNOptions>(const std::string& name);

}  // namespace manul
