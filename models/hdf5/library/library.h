#pragma once

#include <string>

#include "manul/models/hdf5/writer.h"

// What is linked to libhdf5: a module that writes, loaded when the first file is written, and the program
// manul-hdf5-convert. Linked to the library, libhdf5 would cost each start of a program 4 ms and 5 MB.
namespace manul::hdf5 {

/// Lays out a file with this root group; false and the reason if libhdf5 fails.
using LibraryWrite = bool(const Group& root, std::string& image, std::string& reason);

inline constexpr const char* library_module = "libmanul_hdf5.so";

}  // namespace manul::hdf5

extern "C" manul::hdf5::LibraryWrite manul_hdf5_write;
