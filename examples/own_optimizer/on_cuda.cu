#include "manul/ops/optimizers/update_kernel.h"
#include "sign_momentum.h"

const manul::cuda::UpdateRegistration<mine::SignMomentum> sign_momentum_on_cuda;
