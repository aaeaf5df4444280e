#pragma once

#include <string>
#include <vector>

#include "manul/tools/support/training_pictures.h"

namespace manul {

/// What a person would notice who looked at the pictures, one sentence each: classes that are very unequal,
/// missing in the validation, or of one colour; the same picture in both parts or in two classes.
std::vector<std::string> warnings_about_data(const Pictures& pictures);

/// How many pictures are there more than once, in each part and in both; those of one colour do not count.
std::string duplicates_text(const Pictures& pictures);

}  // namespace manul
