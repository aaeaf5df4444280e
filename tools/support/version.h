#pragma once

namespace manul {

/// Of the project, as "0.1.0".
extern const char* const manul_version;
/// The kind of build, its compiler and libraries, and the commit, as "Release, GNU 12.2.0, ...".
extern const char* const manul_build;

}  // namespace manul
