#pragma once

#include <concepts>
#include <string>

#include "manul/models/training/callbacks/callback_table.h"

namespace manul {

struct CSVLoggerOptions {
  std::string filename = {};
  std::string separator = ",";
  bool append = false;      // behind what the file holds already
  int64_t first_epoch = 0;  // the number of the first epoch: 0 in Keras

  void describe(auto& description) {
    description.option("filename", filename);
    description.option("separator", separator);
    description.option("append", append);
    description.option("first_epoch", first_epoch);
  }
};

/// Writes the history as comma-separated values, one line per epoch; after a resume the earlier epochs are
/// there as well (with `append` those that the file has). The file is whole at any moment. One that cannot be
/// written is warned about and does not end the training; the next epoch writes all of them again.
class CSVLogger : public Callback {
 public:
  /// Throws ErrorKind::usage if there is no file name or separator.
  explicit CSVLogger(CSVLoggerOptions options);
  template <std::convertible_to<std::string> Name>
  explicit CSVLogger(const Name& filename, int64_t first_epoch = 0)
      : CSVLogger(CSVLoggerOptions{.filename = filename, .first_epoch = first_epoch}) {}
  void on_train_begin(FitProgress& fit) override;
  void on_epoch_begin(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;
  /// Why the last epoch could not be written; empty if it was.
  const std::string& problem() const { return problem_; }

 private:
  CSVLoggerOptions options_;
  std::string problem_, before_;  // before_: what the file held
  int64_t epochs_before_ = -1;    // those of a fit that is resumed; -1: not known yet
};

extern template bool register_callback<CSVLogger, CSVLoggerOptions>(const std::string& name);
inline const bool csv_logger_is_registered = register_callback<CSVLogger, CSVLoggerOptions>("CSVLogger");

}  // namespace manul
