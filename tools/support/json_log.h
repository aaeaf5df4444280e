#pragma once

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

#include "manul/framework/stopwatch.h"
#include "manul/models/training/fit.h"

namespace manul {

/// What happens in a run for other programs: one JSON object a line, written as it happens. Each has "event"
/// and "time" (seconds since 1970); events are start, epoch, warning, error and end. Lines are added to a
/// file that is there already.
class JsonLog : public Callback {
 public:
  /// Throws ErrorKind::usage if the file cannot be written.
  explicit JsonLog(const std::string& file);

  /// `fields`: a map. What cannot be written is lost: a log ends no training.
  void write(const std::string& event, const Config& fields);

  void on_epoch_begin(FitProgress& fit) override;
  void on_epoch_end(FitProgress& fit, const Logs& logs) override;

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Closer> file_;
  std::string name_;
  bool has_failed_ = false;
  std::mutex mutex_;  // warnings come from any thread
  Stopwatch epoch_;
};

}  // namespace manul
