#include "manul/models/training/callbacks/csv_logger.h"

#include <fmt/format.h>

#include <algorithm>

#include "manul/framework/atomic_file.h"
#include "manul/framework/distributed/communicator.h"
#include "manul/framework/error.h"
#include "manul/framework/file.h"
#include "manul/framework/file_system.h"
#include "manul/framework/warning.h"

namespace manul {
namespace {

std::string text_in(const std::string& path) {
  if (!is_file(path)) return {};
  std::vector<uint8_t> bytes = InputFile(path, ErrorKind::failed).read_all(1 << 30);
  std::string text(bytes.begin(), bytes.end());
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text;
}

}  // namespace

CSVLogger::CSVLogger(CSVLoggerOptions options) : options_(std::move(options)) {
  if (options_.filename.empty()) fail(ErrorKind::usage, "CSVLogger: there is no file name");
  if (options_.separator.empty()) fail(ErrorKind::usage, "CSVLogger: there is no separator");
}

void CSVLogger::on_train_begin(FitProgress& /*fit*/) {
  before_ = options_.append ? text_in(options_.filename) : "";
  epochs_before_ = -1;
}

void CSVLogger::on_epoch_begin(FitProgress& fit) {
  if (epochs_before_ < 0) epochs_before_ = static_cast<int64_t>(fit.history.epochs().size());
}

void CSVLogger::on_epoch_end(FitProgress& fit, const Logs& logs) {
  if (!processes().is_first()) return;
  std::string text = before_;
  if (text.empty()) {
    text = "epoch";
    for (const auto& [name, value] : logs) text += options_.separator + name;
    text += '\n';
  }
  int64_t first = before_.empty() ? 0 : std::max<int64_t>(epochs_before_, 0);
  for (int64_t epoch = first; epoch < static_cast<int64_t>(fit.history.epochs().size()); ++epoch) {
    text += fmt::format("{}", options_.first_epoch + epoch);
    for (const auto& [name, unused] : logs) {
      const double* value = find_log(fit.history.epochs()[epoch], name);
      text += options_.separator + (value ? fmt::format("{}", *value) : "");
    }
    text += '\n';
  }
  try {
    write_file_atomically(options_.filename, text);
    problem_.clear();
  } catch (const Error& error) {
    if (problem_.empty()) warn("history: {}; the training goes on without it", error.what());
    problem_ = error.what();
  }
}

template bool register_callback<CSVLogger, CSVLoggerOptions>(const std::string& name);

}  // namespace manul
