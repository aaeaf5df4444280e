#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "manul/framework/shape.h"

namespace manul::hdf5 {

/// What a text is said to be coded in: which of the two matters to h5py's users alone.
enum class Charset { ascii, utf8 };

/// A group of a file that is to be written: the members and attributes are added in any order, the file has
/// them sorted. The same content gives the same bytes.
class Group {
 public:
  struct Text {
    std::string value;
    Charset charset = Charset::ascii;
  };
  struct Names {
    std::vector<std::string> list;
    bool fixed = false;  // strings of one length
    size_t width = 0;    // of the longest name of the whole list
  };
  struct Dataset {
    Shape shape;
    std::variant<std::vector<float>, std::vector<double>, std::vector<int64_t>> values;
  };

  /// A scalar string of variable length.
  void set_text(const std::string& attribute, std::string text, Charset charset = Charset::ascii);
  /// A list of strings of variable length, as Keras 2.5 and later write it: an empty list is one of float64,
  /// a long one is split in the parts NAME0, NAME1, .. of strings of one length.
  void set_names(const std::string& attribute, const std::vector<std::string>& names);
  /// The group called `name`, made if it is not there. "a/b" is the group b in the group a.
  Group& group(const std::string& name);
  /// A dataset; `name` may contain groups. A shape of rank 0 is a scalar.
  void add(const std::string& name, const Shape& shape, std::vector<float> values);
  void add(const std::string& name, const Shape& shape, std::vector<double> values);
  void add(const std::string& name, const Shape& shape, std::vector<int64_t> values);

  const std::map<std::string, Text>& texts() const { return texts_; }
  const std::map<std::string, Names>& names() const { return names_; }
  const std::map<std::string, std::unique_ptr<Group>>& groups() const { return groups_; }
  const std::map<std::string, Dataset>& datasets() const { return datasets_; }

 private:
  Group& parent_of(const std::string& name, std::string& last);
  void add_dataset(const std::string& name, Dataset dataset);

  std::map<std::string, Text> texts_;
  std::map<std::string, Names> names_;
  std::map<std::string, std::unique_ptr<Group>> groups_;
  std::map<std::string, Dataset> datasets_;
};

/// The bytes of the HDF5 file with this root group, by libhdf5, which is loaded for the first: the layout
/// that every version of HDF5 and of Keras reads. Throws ErrorKind::failed if libhdf5 is not there.
std::string image(const Group& root);

}  // namespace manul::hdf5
