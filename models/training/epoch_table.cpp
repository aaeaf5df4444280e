#include "manul/models/training/epoch_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace manul {
namespace {

std::string label(int64_t epoch, int64_t epochs) {
  return fmt::format("Epoch {}/{}", epoch, epochs);
}

size_t width_of(const std::string& name) {
  return std::max<size_t>(name.size(), 6);
}

/// Four digits after the point, or four in all of a number that is out of all proportion.
std::string number_text(double value) {
  return std::abs(value) < 1e5 ? fmt::format("{:.4f}", value) : fmt::format("{:.4g}", value);
}

}  // namespace

std::string logs_text(const Logs& logs) {
  std::string text;
  for (const auto& [name, value] : logs)
    text += fmt::format("{}{} {}", text.empty() ? "" : " ", name, number_text(value));
  return text;
}

EpochTable::EpochTable(int64_t epochs, const Logs& logs, const std::string& unit)
    : epochs_(epochs), label_width_(label(epochs, epochs).size()) {
  heading_ = fmt::format("{:<{}}  {:>8}  {:>10}", "", label_width_, "seconds", unit + "/s");
  for (const auto& [name, value] : logs) heading_ += fmt::format("  {:>{}}", name, width_of(name));
}

std::string EpochTable::row(int64_t epoch, double seconds, double per_second, const Logs& logs) const {
  std::string text = fmt::format("{:<{}}  {:>8.2f}  {:>10.0f}", label(epoch + 1, epochs_), label_width_,
                                 seconds, per_second);
  for (const auto& [name, value] : logs) text += fmt::format("  {:>{}}", number_text(value), width_of(name));
  return text;
}

}  // namespace manul
