#include "manul/tools/support/epoch_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace manul {
namespace {

std::string label(int64_t epoch, int64_t epochs) {
  return fmt::format("Epoch {}/{}", epoch, epochs);
}

size_t width_of(const std::string& name) {
  return std::max<size_t>(name.size(), 6);
}

}  // namespace

std::string logs_text(const Logs& logs) {
  std::string text;
  for (const auto& [name, value] : logs)
    text += fmt::format("{}{} {:.4f}", text.empty() ? "" : " ", name, value);
  return text;
}

EpochTable::EpochTable(int64_t epochs, const Logs& logs)
    : epochs_(epochs), label_width_(label(epochs, epochs).size()) {
  heading_ = fmt::format("{:<{}}  {:>8}  {:>10}", "", label_width_, "seconds", "pictures/s");
  for (const auto& [name, value] : logs) heading_ += fmt::format("  {:>{}}", name, width_of(name));
}

std::string EpochTable::row(int64_t epoch, double seconds, double pictures_a_second, const Logs& logs) const {
  std::string text = fmt::format("{:<{}}  {:>8.2f}  {:>10.0f}", label(epoch + 1, epochs_), label_width_,
                                 seconds, pictures_a_second);
  for (const auto& [name, value] : logs) text += fmt::format("  {:>{}.4f}", value, width_of(name));
  return text;
}

}  // namespace manul
