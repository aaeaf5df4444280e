#include "manul/tools/support/json_log.h"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>

#include "manul/framework/config/json.h"
#include "manul/framework/error.h"
#include "manul/framework/system_call.h"
#include "manul/framework/utf8.h"
#include "manul/tools/support/terminal.h"

namespace manul {

JsonLog::JsonLog(const std::string& file) : name_(printable(file)) {
  int descriptor =
      retried([&] { return ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666); });
  file_.reset(descriptor < 0 ? nullptr : ::fdopen(descriptor, "a"));
  if (!file_) fail(ErrorKind::usage, "log-json: {}: {}", file, std::strerror(errno));
}

void JsonLog::write(const std::string& event, const Config& fields) {
  double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  Config line = Config::map({{"event", event}, {"time", std::round(now * 1e3) / 1e3}});
  for (const Config::Entry& field : fields.as_map()) line.set(field.key, field.value);
  std::string text = json_text(line) + "\n";
  std::lock_guard lock(mutex_);
  if (has_failed_) return;
  errno = 0;
  has_failed_ =
      std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() || std::fflush(file_.get()) != 0;
  if (has_failed_)  // not by warn(), which comes here
    print_if_possible(stderr, "log-json: {}: cannot be written: {}; it ends there\n", name_,
                      std::strerror(errno));
}

void JsonLog::on_epoch_begin(FitProgress& /*fit*/) {
  epoch_ = {};
}

void JsonLog::on_epoch_end(FitProgress& fit, const Logs& logs) {
  Config line = Config::map({{"epoch", fit.epoch + 1},
                             {"epochs", fit.epochs},
                             {"seconds", std::round(epoch_.seconds() * 1e3) / 1e3}});
  for (const auto& [name, value] : logs) line.set(name, std::isfinite(value) ? Config(value) : Config());
  write("epoch", line);
}

}  // namespace manul
