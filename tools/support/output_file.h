#pragma once

#include <filesystem>

namespace manul {

/// Makes sure, before the work begins, that its result can be written to `file`; makes the folder if it is
/// not there. Throws ErrorKind::usage with the reason.
void prepare_output_file(const std::filesystem::path& file);

}  // namespace manul
