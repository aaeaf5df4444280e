#pragma once

// Functions that move elements without changing them.
#include "manul/ops/shape/broadcast.h"
#include "manul/ops/shape/concat.h"
#include "manul/ops/shape/gather.h"
#include "manul/ops/shape/pad.h"
#include "manul/ops/shape/reshape.h"
#include "manul/ops/shape/slice.h"
#include "manul/ops/shape/transpose.h"
