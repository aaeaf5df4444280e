#pragma once

#include "manul/framework/step.h"

namespace manul {

/// batch_normalize_training() with the mean and variance of the whole batch of which x is `part`: all
/// processes call it, and its gradient. One sum over the processes on each way, of what two or three rows of
/// channels hold. A part that does not count adds nothing to the statistics.
Tensor batch_normalize_synchronized(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                    const Tensor& moving_mean, const Tensor& moving_variance, double epsilon,
                                    double momentum, const BatchPart& part);

/// The sum over all processes of what each has, 0 in place of that of a part that does not count, everywhere;
/// the gradient of each is the sum of the gradients that arrive at all.
Tensor sum_over_processes(const Tensor& x, const BatchPart& part);

}  // namespace manul
