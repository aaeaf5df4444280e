#include "manul/models/hdf5/writer.h"

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/framework/module.h"
#include "manul/models/hdf5/format.h"
#include "manul/models/hdf5/library/library.h"

namespace manul::hdf5 {

void Group::set_text(const std::string& attribute, std::string text, Charset charset) {
  texts_[attribute] = {std::move(text), charset};
}

void Group::set_names(const std::string& attribute, const std::vector<std::string>& names) {
  size_t width = 1;
  for (const std::string& name : names) width = std::max(width, name.size());
  check(width <= attribute_limit, "{}: a name of {} characters is too long for a Keras file", attribute,
        width);
  // Keras raises the number of parts until each fits; sizes as by numpy.array_split.
  size_t count = names.size(), parts = 1;
  while ((count + parts - 1) / parts * width > attribute_limit) ++parts;
  if (parts == 1) {
    constexpr size_t reference = 16;  // bytes of the list for a name that lies elsewhere
    names_[attribute] = {names, names.size() * reference > attribute_limit, width};
    return;
  }
  for (size_t part = 0, first = 0; part < parts; ++part) {
    size_t length = count / parts + (part < count % parts ? 1 : 0);
    names_[fmt::format("{}{}", attribute, part)] = {
        {names.begin() + first, names.begin() + first + length}, true, width};
    first += length;
  }
}

Group& Group::group(const std::string& name) {
  std::string last;
  Group& parent = parent_of(name, last);
  check(parent.datasets_.count(last) == 0, "hdf5: {} is a dataset and cannot be a group", name);
  std::unique_ptr<Group>& found = parent.groups_[last];
  if (!found) found = std::make_unique<Group>();
  return *found;
}

Group& Group::parent_of(const std::string& name, std::string& last) {
  size_t slash = name.rfind('/');
  last = name.substr(slash == std::string::npos ? 0 : slash + 1);
  check(!last.empty() && last != "." && last.find('\0') == std::string::npos, "hdf5: \"{}\" cannot be a name",
        name);
  return slash == std::string::npos ? *this : group(name.substr(0, slash));
}

void Group::add_dataset(const std::string& name, Dataset dataset) {
  std::string last;
  Group& parent = parent_of(name, last);
  bool is_new = parent.groups_.count(last) == 0 && parent.datasets_.emplace(last, std::move(dataset)).second;
  check(is_new, "hdf5: {} is there twice", name);
}

void Group::add(const std::string& name, const Shape& shape, std::vector<float> values) {
  add_dataset(name, {shape, std::move(values)});
}

void Group::add(const std::string& name, const Shape& shape, std::vector<double> values) {
  add_dataset(name, {shape, std::move(values)});
}

void Group::add(const std::string& name, const Shape& shape, std::vector<int64_t> values) {
  add_dataset(name, {shape, std::move(values)});
}

namespace {

struct Library {
  LibraryWrite* write = nullptr;
  std::string reason;  // why it is not there
};

Library load_library() {
  Library library;
#ifdef MANUL_STATIC_HDF5
  library.write = manul_hdf5_write;
#else
  library.write =
      reinterpret_cast<LibraryWrite*>(module_function(library_module, "manul_hdf5_write", library.reason));
#endif
  return library;
}

}  // namespace

std::string image(const Group& root) {
  static const Library library = load_library();
  check(library.write, "HDF5 files cannot be written: {}", library.reason);
  std::string bytes, reason;
  check(library.write(root, bytes, reason), "the HDF5 file cannot be written: {}", reason);
  return bytes;
}

}  // namespace manul::hdf5
