#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace manul {

/// Classes of Keras that are not here, and why, or what does instead.
struct NotSupported {
  std::string_view kind;  // "layers", "losses", ..
  std::vector<std::string_view> classes;
  std::string_view why;  // goes on after "they are not supported;"
};

/// All that are known. Messages and the documentation take their reasons from here.
const std::vector<NotSupported>& not_supported();
/// "; recurrent networks are not", to end a message with. Empty where nothing is known of the name, which may
/// be in Keras' other spelling: "ctc".
std::string why_not_supported(std::string_view kind, std::string_view class_name);

}  // namespace manul
