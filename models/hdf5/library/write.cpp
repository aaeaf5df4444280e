#include <cstring>
#include <mutex>
#include <type_traits>

#include "manul/models/hdf5/library/handle.h"
#include "manul/models/hdf5/library/library.h"

namespace manul::hdf5 {
namespace {

// This file is in a module, which sees nothing of Manul but what headers define.
using Lengths = std::vector<hsize_t>;

Handle space_of(const Lengths& lengths) {
  if (lengths.empty()) return {H5Screate(H5S_SCALAR), H5Sclose, "a shape"};
  int rank = static_cast<int>(lengths.size());
  return {H5Screate_simple(rank, lengths.data(), nullptr), H5Sclose, "a shape"};
}

/// A type of strings; `size` 0: of any length.
Handle text_type(size_t size, Charset charset) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "a type");
  must(H5Tset_size(type, size == 0 ? H5T_VARIABLE : size) >= 0 &&
           H5Tset_strpad(type, size == 0 ? H5T_STR_NULLTERM : H5T_STR_NULLPAD) >= 0 &&
           H5Tset_cset(type, charset == Charset::utf8 ? H5T_CSET_UTF8 : H5T_CSET_ASCII) >= 0,
       "a type");
  return type;
}

void write_attribute(hid_t owner, const std::string& name, hid_t type, const Lengths& shape,
                     const void* data) {
  Handle attribute(H5Acreate2(owner, name.c_str(), type, space_of(shape), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                   "attribute " + name);
  must(!data || H5Awrite(attribute, type, data) >= 0, "attribute " + name);
}

void write_names(hid_t owner, const std::string& name, const Group::Names& names) {
  Lengths shape{names.list.size()};
  if (names.list.empty()) return write_attribute(owner, name, H5T_IEEE_F64LE, shape, nullptr);
  if (!names.fixed) {
    std::vector<const char*> texts;
    for (const std::string& text : names.list) texts.push_back(text.c_str());
    return write_attribute(owner, name, text_type(0, Charset::ascii), shape, texts.data());
  }
  std::string data(names.list.size() * names.width, '\0');
  for (size_t i = 0; i < names.list.size(); ++i) names.list[i].copy(&data[i * names.width], names.width);
  write_attribute(owner, name, text_type(names.width, Charset::ascii), shape, data.data());
}

struct NumberTypes {
  hid_t memory, file;
};

template <class Value>
NumberTypes number_types() {
  if constexpr (std::is_same_v<Value, float>) return {H5T_NATIVE_FLOAT, H5T_IEEE_F32LE};
  if constexpr (std::is_same_v<Value, double>) return {H5T_NATIVE_DOUBLE, H5T_IEEE_F64LE};
  return {H5T_NATIVE_INT64, H5T_STD_I64LE};
}

void write_dataset(hid_t owner, const std::string& name, const Group::Dataset& dataset) {
  Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "properties");
  must(H5Pset_obj_track_times(properties, 0) >= 0, "properties");  // the same bytes every run
  Lengths lengths(dataset.shape.begin(), dataset.shape.end());
  std::visit(
      [&](const auto& values) {
        NumberTypes types = number_types<typename std::decay_t<decltype(values)>::value_type>();
        Handle target(H5Dcreate2(owner, name.c_str(), types.file, space_of(lengths), H5P_DEFAULT, properties,
                                 H5P_DEFAULT),
                      H5Dclose, "dataset " + name);
        must(values.empty() ||
                 H5Dwrite(target, types.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0,
             "dataset " + name);
      },
      dataset.values);
}

void write_members(hid_t owner, const Group& group) {
  for (const auto& [name, text] : group.texts()) {
    const char* start = text.value.c_str();
    write_attribute(owner, name, text_type(0, text.charset), {}, &start);
  }
  for (const auto& [name, names] : group.names()) write_names(owner, name, names);
  for (const auto& [name, dataset] : group.datasets()) write_dataset(owner, name, dataset);
  for (const auto& [name, child] : group.groups()) {
    Handle made(H5Gcreate2(owner, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
                "group " + name);
    write_members(made, *child);
  }
}

/// A file in memory, in the oldest layout, which every reader knows.
std::string write_file(const Group& root) {
  constexpr size_t increment = size_t{1} << 20;
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "properties");
  Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose, "properties");
  must(H5Pset_fapl_core(access, increment, 0) >= 0 &&
           H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST) >= 0 &&
           H5Pset_obj_track_times(creation, 0) >= 0,
       "properties");
  Handle file(H5Fcreate("manul", H5F_ACC_TRUNC, creation, access), H5Fclose, "making a file");
  write_members(file, root);
  must(H5Fflush(file, H5F_SCOPE_LOCAL) >= 0, "finishing the file");
  ssize_t size = H5Fget_file_image(file, nullptr, 0);
  must(size > 0, "finishing the file");
  std::string image(static_cast<size_t>(size), '\0');
  must(H5Fget_file_image(file, image.data(), image.size()) == size, "finishing the file");
  return image;
}

}  // namespace
}  // namespace manul::hdf5

extern "C" __attribute__((visibility("default"))) bool manul_hdf5_write(const manul::hdf5::Group& root,
                                                                        std::string& image,
                                                                        std::string& reason) try {
  static std::mutex one_at_a_time;  // libhdf5 is not made for several threads
  std::lock_guard lock(one_at_a_time);
  manul::hdf5::prepare_library();
  image = manul::hdf5::write_file(root);
  return true;
} catch (const std::exception& exception) {
  reason = exception.what();
  return false;
}
