#pragma once

#include <cstdint>
#include <string>

#include "manul/models/hdf5/writer.h"

namespace manul::hdf5 {

/// What libhdf5 finds in the HDF5 file `bytes`, of any layout: groups, datasets of numbers, attributes of
/// text; other things are left out. Refused, by an exception with a sentence, are links and storage that lead
/// out of the file, filters that libhdf5 does not have, and files that need more than `largest` bytes of
/// memory for what is in them or nest without an end. For a process of its own: libhdf5 does not survive
/// every damaged file.
Group read_file(std::string bytes, uint64_t largest);

}  // namespace manul::hdf5
