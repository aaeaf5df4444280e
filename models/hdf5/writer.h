#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "manul/framework/shape.h"

namespace manul::hdf5 {

/// A group of a file that is to be written: the members and attributes are added in any order, the file has
/// them sorted. Texts are stored as scalar strings of variable length, lists of names as fixed-length
/// strings, as Keras does; the same content gives the same bytes.
class Group {
 public:
  void set_text(const std::string& attribute, std::string text);
  /// An empty list is written as an empty list of float64, a long one in the parts NAME0, NAME1, ..: as Keras
  /// does.
  void set_names(const std::string& attribute, const std::vector<std::string>& names);
  /// The group called `name`, made if it is not there. "a/b" is the group b in the group a.
  Group& group(const std::string& name);
  /// A dataset; `name` may contain groups. A shape of rank 0 is a scalar.
  void add(const std::string& name, const Shape& shape, std::vector<float> values);
  void add(const std::string& name, const Shape& shape, std::vector<double> values);
  void add(const std::string& name, const Shape& shape, std::vector<int64_t> values);

 private:
  friend class ImageWriter;
  struct Dataset {
    Shape shape;
    std::variant<std::vector<float>, std::vector<double>, std::vector<int64_t>> values;
  };
  struct Names {
    std::vector<std::string> list;
    size_t width = 0;  // of the longest name of the whole list
  };
  Group& parent_of(const std::string& name, std::string& last);
  void add_dataset(const std::string& name, Dataset dataset);

  std::map<std::string, std::string> texts_;
  std::map<std::string, Names> names_;
  std::map<std::string, std::unique_ptr<Group>> groups_;
  std::map<std::string, Dataset> datasets_;
};

/// The bytes of the HDF5 file with this root group: the layout that every version of HDF5 and of Keras reads.
std::string image(const Group& root);

}  // namespace manul::hdf5
