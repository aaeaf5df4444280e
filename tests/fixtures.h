#pragma once

#include <memory>
#include <string>
#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

/// A file of reference numbers (HDF5), read by paths such as "layers/dense_2d/output". Throws an Error that
/// names file and path where something is missing.
class Fixture {
 public:
  explicit Fixture(const std::string& file);

  bool has(const std::string& path) const;
  /// The names in a group, sorted.
  std::vector<std::string> names(const std::string& group) const;
  /// A dataset in its own dtype: f32, f64, u8; integers of any other size as i32.
  Tensor tensor(const std::string& path) const;
  /// The same numbers as doubles, row-major.
  std::vector<double> values(const std::string& path) const;

  bool has_attribute(const std::string& object, const std::string& name) const;
  /// An attribute: a number or the first of several; a string; several strings.
  double number(const std::string& object, const std::string& name) const;
  std::string text(const std::string& object, const std::string& name) const;
  std::vector<std::string> texts(const std::string& object, const std::string& name) const;

 private:
  struct File;
  std::shared_ptr<File> file_;
};

/// tests/reference/NAME of this repository, or what numbers.tar.xz has by that name.
std::string reference_file(const std::string& name);

/// A file of the collection that is too large for the repository: in the folder that the environment variable
/// MANUL_SHARED names, or in `shared` beside the checkout. Empty if it is not there; a test then says
///     GTEST_SKIP() << missing_shared_file(name);
std::string shared_file(const std::string& name);
std::string missing_shared_file(const std::string& name);

}  // namespace manul
