#pragma once

#include <string>
#include <vector>

#include "manul/models/training/history.h"

namespace manul {

/// One epoch in words: "loss 0.5123 accuracy 0.7412 val_loss 0.5234 val_accuracy 0.7512".
std::string logs_text(const Logs& logs);

/// The lines of a run as a table that fits into 80 columns: a heading, and a row an epoch, counted from 1.
/// Long names are broken at their underscores, and what still does not fit stands on lines of its own.
class EpochTable {
 public:
  /// Of a run of `epochs` whose epochs have the names of `logs`; `unit`: what is counted a second.
  EpochTable(int64_t epochs, const Logs& logs, const std::string& unit);
  const std::string& heading() const { return heading_; }
  /// `epoch` from 0.
  std::string row(int64_t epoch, double seconds, double per_second, const Logs& logs) const;

 private:
  struct Column {
    std::string name;
    size_t width;
  };
  std::string heading_lines() const;
  /// The column behind the last one that stands in a line with `first`.
  size_t end_of_line(size_t first) const;

  int64_t epochs_;
  size_t label_width_;
  std::vector<Column> columns_;
  std::string heading_;
};

}  // namespace manul
