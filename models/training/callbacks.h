#pragma once

// All callbacks. docs/callbacks.md lists them.
#include "manul/models/training/callbacks/backup_and_restore.h"
#include "manul/models/training/callbacks/callback_table.h"
#include "manul/models/training/callbacks/csv_logger.h"
#include "manul/models/training/callbacks/early_stopping.h"
#include "manul/models/training/callbacks/lambda_callback.h"
#include "manul/models/training/callbacks/learning_rate_scheduler.h"
#include "manul/models/training/callbacks/model_checkpoint.h"
#include "manul/models/training/callbacks/reduce_lr_on_plateau.h"
#include "manul/models/training/callbacks/tensor_board.h"
#include "manul/models/training/callbacks/terminate_on_nan.h"
