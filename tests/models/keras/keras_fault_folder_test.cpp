#include <filesystem>
#include <map>
#include <set>

#include "manul/models/keras/h5.h"
#include "manul/tests/models/keras_checks.h"
#include "manul/tests/temporary_folder.h"

// All files of the collection of those that once showed a fault: each gives what Keras gives, also when it is
// written again in either format, or is refused by name.
namespace manul {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Why files are refused.
const std::map<std::string, std::string> refusals{
    {"keras2-bn-renorm.h5", "option renorm: true is not supported"},
};

/// Their training cannot give the same: tf.keras 2 adds an epsilon to binary crossentropy on bare
/// probabilities (docs/keras_files.md), and dropout draws.
const std::set<std::string> trained_otherwise{"keras2-bce-relu.h5", "keras2-dropout-noise-shape.h5",
                                              "keras3-dropout-noise-shape.h5"};

void check_file(const std::string& path, const std::string& name, const Fixture& expected) {
  auto refused = refusals.find(name);
  if (refused != refusals.end()) {
    EXPECT_THAT(complaint([&] { Model::load(path); }), HasSubstr(refused->second));
    return;
  }
  Model model = Model::load(path);
  check_prediction(model, expected, name);
  check_written_again(model, expected, name);
  if (!expected.has(name + "/output_after_step_0") || trained_otherwise.contains(name)) return;
  TemporaryFolder folder;
  Model trained = Model::load(path, {.training = true});
  std::vector<std::string> saved;
  for (const char* ending : {"again.h5", "again.keras"})
    if (is_saved(trained, folder / ending)) saved.push_back(folder / ending);
  check_step(trained, expected, name);
  for (const std::string& written : saved) {
    SCOPED_TRACE(written);
    Model again = Model::load(written, {.training = true});
    check_step(again, expected, name);
  }
}

class KerasFaultFolder : public testing::TestWithParam<std::string> {};

TEST_P(KerasFaultFolder, GivesWhatKerasGives) {
  std::string folder = "faults/keras-files/" + GetParam();
  if (shared_file(folder).empty()) GTEST_SKIP() << missing_shared_file(folder);
  for (const char* keras : {"keras2", "keras3"}) {
    Fixture expected(shared_file(folder + "/expected-" + keras + ".h5"));
    for (const std::string& name : expected.names("/")) {
      std::string path = shared_file(folder + "/" + name);
      if (path.empty()) continue;  // activations alone, which other files hold too
      SCOPED_TRACE(name);
      try {
        check_file(path, name, expected);
      } catch (const Error& error) {
        ADD_FAILURE() << error.what();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, KerasFaultFolder, testing::Values("a", "b", "c"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace manul
