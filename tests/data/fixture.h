#pragma once

#include <hdf5.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

// Reads the reference numbers in ../shared/fixtures: files beside the checkout, not in it.
namespace manul::fixture {

/// A file or folder of the shared folder; an empty path if it is not there.
inline std::filesystem::path shared(const std::string& path) {
  const char* folder = std::getenv("MANUL_SHARED");
  std::filesystem::path file = std::filesystem::path(folder ? folder : MANUL_SOURCE_DIR "/../shared") / path;
  return std::filesystem::exists(file) ? file : std::filesystem::path{};
}

/// An open HDF5 file, with the few reads the tests need. The library's error texts stay on stderr.
class File {
 public:
  explicit File(const std::filesystem::path& file)
      : id_(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)) {}
  ~File() { H5Fclose(id_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::vector<std::string> members(const std::string& group) const {
    std::vector<std::string> names;
    auto add = [](hid_t, const char* name, const H5L_info_t*, void* to) {
      static_cast<std::vector<std::string>*>(to)->push_back(name);
      return herr_t{0};
    };
    H5Literate_by_name(id_, group.c_str(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names, H5P_DEFAULT);
    return names;
  }

  bool exists(const std::string& path) const { return H5Lexists(id_, path.c_str(), H5P_DEFAULT) > 0; }

  std::vector<hsize_t> shape(const std::string& path) const {
    hid_t set = H5Dopen2(id_, path.c_str(), H5P_DEFAULT), space = H5Dget_space(set);
    std::vector<hsize_t> lengths(H5Sget_simple_extent_ndims(space));
    H5Sget_simple_extent_dims(space, lengths.data(), nullptr);
    H5Sclose(space);
    H5Dclose(set);
    return lengths;
  }

  /// The values of a dataset of any number type, as double.
  std::vector<double> values(const std::string& path) const {
    size_t count = 1;
    for (hsize_t length : shape(path)) count *= length;
    std::vector<double> result(count);
    hid_t set = H5Dopen2(id_, path.c_str(), H5P_DEFAULT);
    H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, result.data());
    H5Dclose(set);
    return result;
  }

  double number(const std::string& object, const char* attribute) const {
    double value = 0;
    hid_t id = H5Aopen_by_name(id_, object.c_str(), attribute, H5P_DEFAULT, H5P_DEFAULT);
    H5Aread(id, H5T_NATIVE_DOUBLE, &value);
    H5Aclose(id);
    return value;
  }

  std::string text(const std::string& object, const char* attribute) const {
    hid_t id = H5Aopen_by_name(id_, object.c_str(), attribute, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = H5Aget_type(id);
    std::string value(H5Tget_size(type), '\0');
    H5Aread(id, type, value.data());
    H5Tclose(type);
    H5Aclose(id);
    return value.data();  // up to the padding
  }

 private:
  hid_t id_;
};

}  // namespace manul::fixture
