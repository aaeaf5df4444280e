#include "manul/models/hdf5/library/read.h"

#include <algorithm>

#include "manul/models/hdf5/library/handle.h"

namespace manul::hdf5 {
namespace {

constexpr int largest_depth = 64;
constexpr int64_t largest_object_count = 100'000;

[[noreturn]] void refuse(const std::string& object, const std::string& reason) {
  throw std::runtime_error((object.empty() ? "" : object + ": ") + reason);
}

struct Link {
  std::string name;
  bool hard;
};

herr_t collect_link(hid_t, const char* name, const H5L_info_t* info, void* links) {
  static_cast<std::vector<Link>*>(links)->push_back({name, info->type == H5L_TYPE_HARD});
  return 0;
}

herr_t collect_attribute(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

class FileReader {
 public:
  explicit FileReader(uint64_t largest) : bytes_left_(largest) {}

  void read_group(hid_t group, const std::string& path, int depth, Group& target) {
    if (depth > largest_depth) refuse(path, "the file's groups contain each other");
    read_attributes(group, path, target);
    std::vector<Link> links;
    must(H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_link, &links) >= 0, "group " + path);
    for (const Link& link : links) {
      std::string name = path.empty() ? link.name : path + "/" + link.name;
      if (!link.hard)
        refuse(name, "is a soft link or an external link; only plain groups and datasets are allowed");
      if (++objects_ > largest_object_count) refuse(name, "the file has too many objects");
      Handle member(H5Oopen(group, link.name.c_str(), H5P_DEFAULT), H5Oclose, name);
      H5I_type_t kind = H5Iget_type(member);
      if (kind == H5I_GROUP) read_group(member, name, depth + 1, target.group(link.name));
      if (kind == H5I_DATASET) read_dataset(member, name, link.name, target);
    }
  }

 private:
  void take(uint64_t count, uint64_t size, const std::string& path) {
    if (size != 0 && count > bytes_left_ / size)
      refuse(path, "its content is many times as large as the file");
    bytes_left_ -= count * size;
  }

  static std::vector<int64_t> shape_of(hid_t space, const std::string& path) {
    if (H5Sget_simple_extent_type(space) == H5S_NULL) return {0};
    int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > Shape::max_rank) refuse(path, "has " + std::to_string(rank) + " axes");
    std::vector<hsize_t> lengths(rank);
    must(H5Sget_simple_extent_dims(space, lengths.data(), nullptr) == rank, "the shape of " + path);
    std::vector<int64_t> shape;
    for (hsize_t length : lengths) {
      if (length > uint64_t{1} << 48) refuse(path, "has an impossible shape");
      shape.push_back(static_cast<int64_t>(length));
    }
    return shape;
  }

  void read_dataset(hid_t dataset, const std::string& path, const std::string& name, Group& target) {
    Handle properties(H5Dget_create_plist(dataset), H5Pclose, path);
    if (H5Pget_layout(properties) == H5D_VIRTUAL || H5Pget_external_count(properties) > 0)
      refuse(path, "has its data in another file, which is not allowed");
    for (int i = 0; i < H5Pget_nfilters(properties); ++i) {
      unsigned flags = 0, configuration = 0;
      size_t values = 0;
      H5Z_filter_t filter =
          H5Pget_filter2(properties, i, &flags, &values, nullptr, 0, nullptr, &configuration);
      if (H5Zfilter_avail(filter) <= 0)
        refuse(path,
               "is compressed by filter " + std::to_string(filter) + ", which libhdf5 does not have here");
    }
    Handle type(H5Dget_type(dataset), H5Tclose, path), space(H5Dget_space(dataset), H5Sclose, path);
    H5T_class_t kind = H5Tget_class(type);
    std::vector<int64_t> lengths = shape_of(space, path);
    uint64_t count = 1;
    for (int64_t length : lengths) {
      take(count, length, path);  // the product may be too large for a number
      bytes_left_ += count * length;
      count *= length;
    }
    Shape shape{std::span<const int64_t>(lengths)};
    if (kind == H5T_INTEGER)
      return read_values<int64_t>(dataset, path, count, H5T_NATIVE_INT64, name, shape, target);
    if (kind != H5T_FLOAT) return;
    if (H5Tget_size(type) <= sizeof(float))
      return read_values<float>(dataset, path, count, H5T_NATIVE_FLOAT, name, shape, target);
    read_values<double>(dataset, path, count, H5T_NATIVE_DOUBLE, name, shape, target);
  }

  template <class Value>
  void read_values(hid_t dataset, const std::string& path, uint64_t count, hid_t type,
                   const std::string& name, const Shape& shape, Group& target) {
    take(count, sizeof(Value), path);
    std::vector<Value> values(count);
    must(count == 0 || H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0,
         "reading the values of " + path);
    target.add(name, shape, std::move(values));
  }

  void read_attributes(hid_t owner, const std::string& path, Group& target) {
    std::vector<std::string> names;
    must(H5Aiterate2(owner, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_attribute, &names) >= 0,
         "the attributes of " + path);
    for (const std::string& name : names) {
      std::string whole = path.empty() ? name : path + ": " + name;
      Handle attribute(H5Aopen(owner, name.c_str(), H5P_DEFAULT), H5Aclose, whole);
      Handle type(H5Aget_type(attribute), H5Tclose, whole), space(H5Aget_space(attribute), H5Sclose, whole);
      std::vector<int64_t> shape = shape_of(space, whole);
      uint64_t count = 1;
      for (int64_t length : shape) count *= static_cast<uint64_t>(length);
      bool text = H5Tget_class(type) == H5T_STRING;
      if (count == 0) {
        target.set_names(name, {});
      } else if (text) {
        std::vector<std::string> texts = read_texts(attribute, type, space, count, whole);
        Charset charset = H5Tget_cset(type) == H5T_CSET_UTF8 ? Charset::utf8 : Charset::ascii;
        if (shape.empty())
          target.set_text(name, texts.front(), charset);
        else
          target.set_names(name, texts);
      }
    }
  }

  std::vector<std::string> read_texts(hid_t attribute, hid_t type, hid_t space, uint64_t count,
                                      const std::string& path) {
    std::vector<std::string> texts;
    size_t size = H5Tget_size(type);
    take(count, size + sizeof(std::string), path);
    if (H5Tis_variable_str(type) > 0) {
      std::vector<char*> found(count, nullptr);
      must(H5Aread(attribute, type, found.data()) >= 0, "reading " + path);
      for (const char* text : found) {
        texts.emplace_back(text ? text : "");
        take(texts.back().size(), 1, path);
      }
      H5Dvlen_reclaim(type, space, H5P_DEFAULT, found.data());
    } else {
      std::string bytes(count * size, '\0');
      must(H5Aread(attribute, type, bytes.data()) >= 0, "reading " + path);
      for (uint64_t i = 0; i < count; ++i) {
        std::string text = bytes.substr(i * size, size);
        texts.push_back(text.substr(0, text.find('\0')));
      }
    }
    return texts;
  }

  uint64_t bytes_left_;
  int64_t objects_ = 0;
};

}  // namespace

Group read_file(std::string bytes, uint64_t largest) {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "properties");
  must(H5Pset_fapl_core(access, size_t{1} << 20, 0) >= 0 &&
           H5Pset_file_image(access, bytes.data(), bytes.size()) >= 0,
       "properties");
  std::string().swap(bytes);  // libhdf5 has a copy
  Handle file(H5Fopen("model", H5F_ACC_RDONLY, access), H5Fclose, "opening the file, which is damaged");
  Handle root(H5Gopen2(file, "/", H5P_DEFAULT), H5Gclose, "its root group");
  Group found;
  FileReader(largest).read_group(root, "", 0, found);
  return found;
}

}  // namespace manul::hdf5
