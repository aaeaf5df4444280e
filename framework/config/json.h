#pragma once

#include <string>

#include "manul/framework/config/config.h"

namespace manul {

/// The tree that a JSON text describes. Throws ErrorKind::model_file saying where if it is not JSON, nested
/// more than 64 levels deep, or has more than a million values.
Config parse_json(const std::string& text);

/// JSON in ASCII; doubles so that parse_json() gives the same bits.
std::string json_text(const Config& config);

}  // namespace manul
