#include "manul/tests/fixtures.h"

#include <hdf5.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "manul/framework/error.h"

namespace manul {
namespace {

/// Closes an HDF5 handle at the end of its scope.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

template <class T>
Tensor read(hid_t dataset, hid_t type, const Shape& shape) {
  std::vector<T> values(shape.elements());
  check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0,
        "fixture: cannot read a dataset");
  return Tensor::from(values, shape);
}

/// Fixed-length, null-padded strings one behind the other.
std::vector<std::string> read_texts(hid_t attribute) {
  Handle type(H5Aget_type(attribute), H5Tclose), space(H5Aget_space(attribute), H5Sclose);
  size_t length = H5Tget_size(type), count = static_cast<size_t>(H5Sget_simple_extent_npoints(space));
  std::string bytes(length * count, '\0');
  check(H5Tget_class(type) == H5T_STRING && H5Aread(attribute, type, bytes.data()) >= 0,
        "fixture: cannot read an attribute as text");
  std::vector<std::string> texts;
  for (size_t i = 0; i < count; ++i) texts.emplace_back(bytes.substr(i * length, length).c_str());
  return texts;
}

}  // namespace

struct Fixture::File {
  std::string name;
  Handle handle;

  explicit File(const std::string& name)
      : name(name), handle(H5Fopen(name.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose) {
    check(handle >= 0, "fixture: cannot open {}", name);
  }
  hid_t attribute(const std::string& object, const std::string& attribute) const {
    hid_t id = H5Aopen_by_name(handle, object.c_str(), attribute.c_str(), H5P_DEFAULT, H5P_DEFAULT);
    check(id >= 0, "fixture: {} has no attribute {} at {}", name, attribute, object);
    return id;
  }
};

Fixture::Fixture(const std::string& file) : file_(std::make_shared<File>(file)) {}

bool Fixture::has(const std::string& path) const {
  for (size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1))
    if (H5Lexists(file_->handle, path.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
  return H5Lexists(file_->handle, path.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> Fixture::names(const std::string& group) const {
  Handle opened(H5Gopen2(file_->handle, group.c_str(), H5P_DEFAULT), H5Gclose);
  check(opened >= 0, "fixture: {} has no group {}", file_->name, group);
  std::vector<std::string> names;
  auto add = [](hid_t, const char* name, const H5L_info_t*, void* list) -> herr_t {
    static_cast<std::vector<std::string>*>(list)->emplace_back(name);
    return 0;
  };
  H5Literate(opened, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, add, &names);
  std::sort(names.begin(), names.end());
  return names;
}

Tensor Fixture::tensor(const std::string& path) const {
  check(has(path), "fixture: {} has no {}", file_->name, path);
  Handle dataset(H5Dopen2(file_->handle, path.c_str(), H5P_DEFAULT), H5Dclose);
  check(dataset >= 0, "fixture: {} in {} is not a dataset", path, file_->name);
  Handle type(H5Dget_type(dataset), H5Tclose), space(H5Dget_space(dataset), H5Sclose);
  std::vector<hsize_t> lengths(H5Sget_simple_extent_ndims(space));
  H5Sget_simple_extent_dims(space, lengths.data(), nullptr);
  std::vector<int64_t> axes(lengths.begin(), lengths.end());
  Shape shape{std::span<const int64_t>(axes)};
  bool floating = H5Tget_class(type) == H5T_FLOAT;
  size_t size = H5Tget_size(type);
  if (floating && size == sizeof(double)) return read<double>(dataset, H5T_NATIVE_DOUBLE, shape);
  if (floating) return read<float>(dataset, H5T_NATIVE_FLOAT, shape);
  if (size == 1) return read<uint8_t>(dataset, H5T_NATIVE_UINT8, shape);
  return read<int32_t>(dataset, H5T_NATIVE_INT32, shape);
}

std::vector<double> Fixture::values(const std::string& path) const {
  return tensor(path).to(DType::f64).to_vector<double>();
}

bool Fixture::has_attribute(const std::string& object, const std::string& name) const {
  return H5Aexists_by_name(file_->handle, object.c_str(), name.c_str(), H5P_DEFAULT) > 0;
}

double Fixture::number(const std::string& object, const std::string& name) const {
  Handle attribute(file_->attribute(object, name), H5Aclose), space(H5Aget_space(attribute), H5Sclose);
  std::vector<double> values(static_cast<size_t>(H5Sget_simple_extent_npoints(space)));
  check(!values.empty() && H5Aread(attribute, H5T_NATIVE_DOUBLE, values.data()) >= 0,
        "fixture: {} of {} in {} is not a number", name, object, file_->name);
  return values[0];
}

std::string Fixture::text(const std::string& object, const std::string& name) const {
  return texts(object, name).at(0);
}

std::vector<std::string> Fixture::texts(const std::string& object, const std::string& name) const {
  Handle attribute(file_->attribute(object, name), H5Aclose);
  return read_texts(attribute);
}

std::string reference_file(const std::string& name) {
  std::string unpacked = std::string(MANUL_UNPACKED_REFERENCE_DIR) + "/" + name;
  return std::filesystem::exists(unpacked) ? unpacked
                                           : std::string(MANUL_SOURCE_DIR) + "/tests/reference/" + name;
}

std::string shared_file(const std::string& name) {
  const char* folder = std::getenv("MANUL_SHARED");
  std::string path =
      (folder ? std::string(folder) : std::string(MANUL_SOURCE_DIR) + "/../shared") + "/" + name;
  return std::filesystem::exists(path) ? path : std::string();
}

std::string missing_shared_file(const std::string& name) {
  return name + " is in neither the folder that MANUL_SHARED names nor ../shared";
}

}  // namespace manul
