#include <gmock/gmock.h>
#include <hdf5.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "manul/framework/error.h"
#include "manul/models/hdf5/reader.h"
#include "manul/models/hdf5/writer.h"
#include "manul/models/keras/h5.h"
#include "manul/tests/models/hdf5/raw_file.h"
#include "manul/tests/temporary_folder.h"

// Model files that nest, or use one thing many times: depth, memory and time have to be those of the file's
// size.
namespace manul {
namespace {

using hdf5::RawFile;

/// The longest way of loading a model, in a process of its own with a small stack. Empty if the error says
/// `wanted` in one short sentence, within `megabytes` and ten seconds; otherwise what was wrong.
std::string trouble(const std::string& path, const std::string& wanted, int64_t megabytes) {
  auto load = [&]() -> std::string {
    rlimit seconds{10, 10};
    ::setrlimit(RLIMIT_CPU, &seconds);
    rusage before{}, after{};
    ::getrusage(RUSAGE_SELF, &before);
    std::string text = "no error";
    try {
      Model model = Model::load(path, {.training = true, .conversion = false});
    } catch (const Error& error) {
      text = error.what();
      if (error.kind() != ErrorKind::model_file) text += " (of another kind)";
    }
    ::getrusage(RUSAGE_SELF, &after);
    int64_t grown = (after.ru_maxrss - before.ru_maxrss) / 1024;
#if !defined(__SANITIZE_ADDRESS__)
    if (grown > megabytes) return fmt::format("took {} MB ({})", grown, text.substr(0, 300));
#endif
    if (text.size() > 1500) return fmt::format("an error of {} characters", text.size());
    if (text.find(wanted) == std::string::npos) return text;
    return "";
  };
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  pid_t child = ::fork();
  if (child == 0) {
    std::string text = load();
    ssize_t written = ::write(ends[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text;
  char part[4096];
  for (ssize_t got; (got = ::read(ends[0], part, sizeof(part))) > 0;) text.append(part, got);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return fmt::format("killed by signal {}", WTERMSIG(status));
  return text;
}

class ModelBudget : public testing::Test {
 protected:
  std::string trouble_with(const std::string& bytes, const std::string& wanted, int64_t megabytes = 60) {
    write_file(path(), bytes);
    return trouble(path(), wanted, megabytes);
  }
  std::string path() const { return folder_ / "model.h5"; }

  TemporaryFolder folder_;
};

TEST_F(ModelBudget, ContinuationOfItself) {
  RawFile file;
  uint64_t block = file.reserve(24);
  file.put(block, RawFile::continuation_message(block, 24));
  uint64_t root = file.add(RawFile::header({RawFile::continuation_message(block, 24)}, 60000));
  EXPECT_EQ(trouble_with(file.finish(root), "goes on in a part of itself"), "");
}

TEST_F(ModelBudget, ContinuationsInACircle) {
  RawFile file;
  uint64_t first = file.reserve(24), second = file.reserve(24);
  file.put(first, RawFile::continuation_message(second, 24));
  file.put(second, RawFile::continuation_message(first, 24));
  uint64_t root = file.add(RawFile::header({RawFile::continuation_message(first, 24)}, 60000));
  EXPECT_EQ(trouble_with(file.finish(root), "goes on in a part of itself"), "");
}

TEST_F(ModelBudget, ChainOfContinuations) {
  RawFile file;
  uint64_t next = file.add(RawFile::message(0, ""));
  for (int i = 0; i < 50000; ++i) next = file.add(RawFile::continuation_message(next, 24));
  uint64_t root = file.add(RawFile::header({RawFile::continuation_message(next, 24)}, 60000));
  EXPECT_EQ(trouble_with(file.finish(root), "its description has too many parts"), "");
}

TEST_F(ModelBudget, TreeThatContainsItself) {
  for (uint8_t level : {0, 1, 7}) {
    RawFile file;
    uint64_t heap = file.add_heap(std::string(8, '\0')), node = file.reserve(hdf5::tree_node_size);
    file.put(node, RawFile::tree(level, {node}));
    uint64_t root = file.add(RawFile::header({RawFile::group_message(node, heap)}));
    EXPECT_EQ(trouble_with(file.finish(root),
                           level == 0 ? "lacks its mark SNOD" : "its table of members is damaged"),
              "");
  }
}

TEST_F(ModelBudget, TreeWhoseNodesAreSharedMultiplies) {
  RawFile file;
  uint64_t heap = file.add_heap(std::string("\0a\0\0\0\0\0\0", 8));
  uint64_t node = file.add(RawFile::symbols({{1, 96}}));
  for (uint8_t level = 0; level < 8; ++level)
    node = file.add(RawFile::tree(level, std::vector<uint64_t>(32, node)));
  uint64_t root = file.add(RawFile::header({RawFile::group_message(node, heap)}));
  EXPECT_EQ(trouble_with(file.finish(root), "the file's structure is larger than the file"), "");
}

TEST_F(ModelBudget, GroupThatContainsItself) {
  RawFile file;
  uint64_t heap = file.add_heap(std::string("\0x\0\0\0\0\0\0", 8));
  uint64_t symbols = file.reserve(hdf5::symbol_node_size), tree = file.add(RawFile::tree(0, {symbols}));
  std::string deep = "x";
  while (deep.size() < 50000) deep += "/x";
  uint64_t texts =
      file.add_collection(R"({"class_name": "Sequential", "config": [{"class_name": "Dense", "config":
      {"name": "dense", "units": 1, "batch_input_shape": [null, 4]}}]})");
  uint64_t names = file.add_collection(deep);
  uint32_t length = static_cast<uint32_t>(deep.size());
  uint64_t root = file.add(RawFile::header({RawFile::group_message(tree, heap),
                                            RawFile::texts_message("model_config", {{texts, 1, 100}}),
                                            RawFile::texts_message("layer_names", {{names, 1, length}}),
                                            RawFile::texts_message("weight_names", {{names, 1, length}})}));
  file.put(symbols, RawFile::symbols({{1, root}}));
  std::string bytes = file.finish(root);
  write_file(path(), bytes);
  hdf5::Reader reader(path());
  EXPECT_TRUE(reader.is_group(deep));
  EXPECT_THROW(reader.dataset(deep), Error);
}

TEST_F(ModelBudget, NamesOfLinksThatOverlap) {
  RawFile file;
  constexpr uint64_t length = 500'000;
  uint64_t heap = file.add_heap(std::string(length, 'n') + '\0');
  std::vector<uint64_t> nodes;
  uint64_t offset = 0;
  for (int level = 0; level < 32 * 32; ++level) {
    std::vector<std::pair<uint64_t, uint64_t>> members;
    for (int i = 0; i < 8; ++i) members.emplace_back(offset++, 96);
    nodes.push_back(file.add(RawFile::symbols(members)));
  }
  std::vector<uint64_t> trees;
  for (size_t i = 0; i < nodes.size(); i += 32)
    trees.push_back(file.add(RawFile::tree(0, {nodes.begin() + i, nodes.begin() + i + 32})));
  uint64_t tree = file.add(RawFile::tree(1, trees));
  uint64_t root = file.add(RawFile::header({RawFile::group_message(tree, heap)}));
  EXPECT_EQ(trouble_with(file.finish(root), "need many times the memory of the file"), "");
}

TEST_F(ModelBudget, NamesOfLayersThatAreOneText) {
  RawFile file;
  uint64_t heap = file.add_heap(std::string(8, '\0')), tree = file.add(RawFile::tree(0, {}));
  uint64_t config =
      file.add_collection(R"({"class_name": "Sequential", "config": [{"class_name": "Dense", "config":
      {"name": "dense", "units": 1, "batch_input_shape": [null, 4]}}]})");
  uint64_t name = file.add_collection(std::string(1'000'000, 'n'));
  // Valid JSON needs its length: the object's own.
  uint32_t length = static_cast<uint32_t>(
      std::string(R"({"class_name": "Sequential", "config": [{"class_name": "Dense", "config":
      {"name": "dense", "units": 1, "batch_input_shape": [null, 4]}}]})")
          .size());
  std::vector<RawFile::Text> layers(4000, {name, 1, 1'000'000});
  uint64_t weights = file.add(
      RawFile::header({RawFile::group_message(tree, heap), RawFile::texts_message("layer_names", layers)}));
  uint64_t root_heap = file.add_heap(std::string("\0model_weights\0\0", 16));
  uint64_t root_tree = file.add(RawFile::tree(0, {file.add(RawFile::symbols({{1, weights}}))}));
  uint64_t root = file.add(RawFile::header({RawFile::group_message(root_tree, root_heap),
                                            RawFile::texts_message("model_config", {{config, 1, length}})}));
  EXPECT_EQ(trouble_with(file.finish(root), "need many times the memory of the file"), "");
}

std::string dense_layer(const std::string& name, int units, const std::string& more = "") {
  return fmt::format(
      R"({{"class_name": "Dense", "name": "{0}", "config": {{"name": "{0}", "units": {1}, "use_bias": false{2}}})",
      name, units, more);
}

/// A model of `count` layers whose weights are hard links to one dataset.
TEST_F(ModelBudget, WeightsInOnePlace) {
  constexpr int count = 500, units = 512;
  hdf5::Group root;
  std::string layers;
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    names.push_back("d" + std::to_string(i));
    layers += (i > 0 ? ", " : "") +
              dense_layer(names.back(), units, fmt::format(R"(, "batch_input_shape": [null, {}])", units)) +
              "}";
    root.group("model_weights/" + names.back()).set_names("weight_names", {"kernel:0"});
  }
  root.set_text("model_config", R"({"class_name": "Sequential", "config": [)" + layers + "]}");
  root.group("model_weights").set_names("layer_names", names);
  root.add("model_weights/d0/kernel:0", {units, units}, std::vector<float>(units * units));
  write_file(path(), hdf5::image(root));
  hid_t file = H5Fopen(path().c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  for (int i = 1; i < count; ++i)
    H5Lcreate_hard(file, "/model_weights/d0/kernel:0", file,
                   ("/model_weights/" + names[i] + "/kernel:0").c_str(), H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  EXPECT_EQ(trouble(path(), "its weights have more bytes than the file", 60), "");
}

TEST_F(ModelBudget, TrainingStateInOnePlace) {
  hdf5::Group root;
  root.set_text("model_config", R"({"class_name": "Sequential", "config": [)" +
                                    dense_layer("dense", 1, R"(, "batch_input_shape": [null, 4])") + "}]}");
  root.group("model_weights").set_names("layer_names", {"dense"});
  root.group("model_weights/dense").set_names("weight_names", {"kernel:0"});
  root.add("model_weights/dense/kernel:0", {4, 1}, std::vector<float>(4));
  root.set_text("manul_training", "{}");
  root.group("manul_training").set_names("names", std::vector<std::string>(3000, "a"));
  root.add("manul_training/a", {1 << 18}, std::vector<float>(1 << 18));
  EXPECT_EQ(trouble_with(hdf5::image(root), "several lie in one place"), "");
}

std::string model_file(const std::string& config) {
  hdf5::Group root;
  root.set_text("model_config", config);
  root.group("model_weights").set_names("layer_names", {});
  return hdf5::image(root);
}

std::string functional(const std::string& layers, const std::string& output) {
  return R"({"class_name": "Functional", "config": {"name": "m", "layers": [
      {"class_name": "InputLayer", "name": "in", "config": {"name": "in", "batch_input_shape": [null, 4]}, "inbound_nodes": []}, )" +
         layers + R"(], "input_layers": [["in", 0, 0]], "output_layers": [[")" + output + R"(", 0, 0]]}})";
}

TEST_F(ModelBudget, JsonOfManyValues) {
  std::string many = R"({"class_name": "Sequential", "config": [[])";
  for (int i = 0; i < 3'000'000; ++i) many += ",[]";
  EXPECT_EQ(trouble_with(model_file(many + "]}"), "the JSON has more than 1000000 values"), "");
}

TEST_F(ModelBudget, ModelsInModels) {
  std::string config = R"({"class_name": "Sequential", "config": {"layers": [)";
  std::string whole, end;
  for (int i = 0; i < 10'000; ++i) {
    whole += config;
    end += "]}}";
  }
  EXPECT_EQ(trouble_with(model_file(whole + end), "nested more than 64 levels deep"), "");
}

/// Each layer's input stands behind it in the list.
TEST_F(ModelBudget, ChainOfLayersBackToFront) {
  std::string layers;
  constexpr int count = 3999;
  for (int i = count - 1; i > 0; --i)
    layers += dense_layer("d" + std::to_string(i), 4) +
              fmt::format(R"(, "inbound_nodes": [[["d{}", 0, 0, {{}}]]]}}, )", i - 1);
  layers += dense_layer("d0", 4) + R"(, "inbound_nodes": [[["in", 0, 0, {}]]]})";
  // The graph closes; what is missing are the weights.
  EXPECT_EQ(trouble_with(model_file(functional(layers, "d" + std::to_string(count - 1))),
                         fmt::format("has weights for 0 layers, but the model has {} layers", count), 150),
            "");
}

/// Many inputs in each of many calls of a model in a model.
TEST_F(ModelBudget, InputsThatMultiply) {
  std::string inputs, calls, values;
  for (int i = 0; i < 2000; ++i) inputs += std::string(i > 0 ? ", " : "") + R"(["in", 0, 0, {}])";
  for (int i = 0; i < 900; ++i) calls += std::string(i > 0 ? ", " : "") + R"([["in", 0, 0, {}]])";
  for (int i = 0; i < 900; ++i)  // tf.keras counts the calls of a nested model from 1
    values += fmt::format(R"({}["inner", {}, 0, {{}}])", i > 0 ? ", " : "", i + 1);
  std::string inner =
      functional(R"({"class_name": "Add", "name": "sum", "config": {"name": "sum"}, "inbound_nodes": [[)" +
                     inputs + "]]}",
                 "sum");
  inner = inner.substr(0, inner.size() - 1) + R"(, "name": "inner", "inbound_nodes": [)" + calls + "]}";
  std::string all =
      R"(, {"class_name": "Add", "name": "all", "config": {"name": "all"}, "inbound_nodes": [[)";
  EXPECT_EQ(trouble_with(model_file(functional(inner + all + values + "]]}", "all")),
                         "models in models multiply", 150),
            "");
  // Calls that lead to no output are left out, as by Keras.
  EXPECT_EQ(trouble_with(model_file(functional(inner, "inner")), "no error", 150), "");
}

TEST_F(ModelBudget, LongNamesAreShortened) {
  std::string name(1'000'000, 'n');
  EXPECT_EQ(trouble_with(model_file(functional(dense_layer(name, 4) + R"(, "inbound_nodes": []})", name)),
                         "its name has more than 1000 characters"),
            "");
  EXPECT_EQ(trouble_with(model_file(functional(R"({"class_name": ")" + name + R"(", "config": {}})", "x")),
                         name.substr(0, 100)),
            "");
  EXPECT_EQ(trouble_with(
                model_file(functional(
                    dense_layer("d", 4) + R"(, "inbound_nodes": [[[")" + name + R"(", 0, 0, {}]]]})", "d")),
                "is used but not there"),
            "");
}

}  // namespace
}  // namespace manul
