#include "manul/models/training/history.h"

#include "manul/framework/error.h"

namespace manul {

const double* find_log(const Logs& logs, const std::string& name) {
  for (const auto& [known, value] : logs)
    if (known == name) return &value;
  return nullptr;
}

std::vector<double> History::operator[](const std::string& name) const {
  std::vector<double> values;
  for (const Logs& logs : epochs_)
    if (const double* value = find_log(logs, name)) values.push_back(*value);
  check(!values.empty(), "history: no epoch has {}", name);
  return values;
}

}  // namespace manul
