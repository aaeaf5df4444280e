#pragma once

#include <filesystem>
#include <string>

namespace manul {

/// Where a file lies that belongs to Manul and is used only when needed (a module, a helper program): beside
/// the program, in the lib folder of its build or installation, beside Manul's own shared library, or where
/// the system looks for libraries. Empty if it is nowhere.
std::filesystem::path find_companion(const std::string& name);

/// The function `symbol` of the module (a shared library) `name`, which is loaded for it; null and why in
/// `reason` if that cannot be. Libraries that cost each start of a program time and memory are linked to such
/// modules.
void* module_function(const std::string& name, const char* symbol, std::string& reason);

}  // namespace manul
