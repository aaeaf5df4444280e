#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>

#include "manul/framework/error.h"
#include "manul/framework/random.h"
#include "manul/models/hdf5/writer.h"
#include "manul/models/keras/h5.h"
#include "manul/tests/fixtures.h"
#include "manul/tests/temporary_folder.h"

// Model files as an enemy, or a failing disk, would make them.
namespace manul {
namespace {

using testing::HasSubstr;

/// The path of a file in memory with these bytes; the next call writes over it.
std::string file_of(const std::string& bytes) {
  static int file = ::memfd_create("keras_hostile_test", 0);
  EXPECT_EQ(::ftruncate(file, static_cast<off_t>(bytes.size())), 0);
  EXPECT_EQ(::pwrite(file, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  return "/proc/self/fd/" + std::to_string(file);
}

std::string bytes_of(const std::string& name) {
  return read_file(reference_file("models/" + name));
}

/// Loads the file for training, the longest way. The error's text; empty if there is none.
std::string complaint(const std::string& bytes) {
  std::string path = file_of(bytes);
  try {
    Model model = Model::load(path, {.training = true, .conversion = false});
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::model_file);
    EXPECT_THAT(error.what(), HasSubstr(path + ": "));
    return error.what();
  }
}

/// A file with this model_config, and one weight of one layer.
std::string file_with(const std::string& config, std::vector<float> kernel = {1, 2, 3, 4}) {
  hdf5::Group root;
  root.set_text("model_config", config);
  hdf5::Group& weights = root.group("model_weights");
  weights.set_names("layer_names", {"dense"});
  weights.group("dense").set_names("weight_names", {"dense/kernel:0"});
  int64_t rows = static_cast<int64_t>(kernel.size());
  weights.group("dense").add("dense/kernel:0", {rows, 1}, std::move(kernel));
  return hdf5::image(root);
}

std::string dense(const std::string& input, const std::string& units, const std::string& more = "") {
  return R"({"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"name": "dense", "use_bias": false,
             "batch_input_shape": )" +
         input + R"(, "units": )" + units + more + "}}]}";
}

TEST(HostileModel, TheUndamagedOnesLoad) {
  EXPECT_EQ(complaint(bytes_of("keras2-catdog.h5")), "");
  EXPECT_EQ(complaint(bytes_of("keras3-catdog.h5")), "");
  EXPECT_EQ(complaint(file_with(dense("[null, 4]", "1"))), "");
}

TEST(HostileModel, FlippedBitsNeverCrash) {
  for (const char* name : {"keras2-catdog.h5", "keras3-catdog.h5"}) {
    std::string whole = bytes_of(name);
    RandomStream random(2, RandomPurpose::sample, 0, 0);
    int refused = 0;
    for (int run = 0; run < 1500; ++run) {
      std::string damaged = whole;
      for (uint32_t flips = 1 + random.below(8); flips > 0; --flips)
        damaged[random.below(static_cast<uint32_t>(damaged.size()))] ^=
            static_cast<char>(1 << random.below(8));
      refused += complaint(damaged).empty() ? 0 : 1;
    }
    EXPECT_GT(refused, 100) << name;
  }
}

TEST(HostileModel, FlippedBitsOfTheConfigNeverCrash) {
  std::string whole = bytes_of("keras2-catdog.h5");
  size_t first = whole.find(R"({"class_name")"), last = whole.find("training_config", first);
  ASSERT_LT(first, whole.size());
  RandomStream random(3, RandomPurpose::sample, 0, 0);
  uint32_t length = static_cast<uint32_t>(std::min(last, whole.size()) - first);
  for (int run = 0; run < 3000; ++run) {
    std::string damaged = whole;
    damaged[first + random.below(length)] = static_cast<char>(' ' + random.below(95));
    if (run % 2 == 1) damaged[first + random.below(length)] = static_cast<char>('0' + random.below(10));
    complaint(damaged);
  }
}

TEST(HostileModel, EveryTruncationIsRefused) {
  std::string whole = bytes_of("keras2-catdog.h5");
  for (size_t length = 0; length < whole.size(); length += 61)
    ASSERT_THAT(complaint(whole.substr(0, length)), HasSubstr("cut short")) << length;
}

TEST(HostileModel, SizesThatTheFileDoesNotHave) {
  EXPECT_THAT(
      complaint(file_with(dense("[null, 4]", "2"))),
      HasSubstr("model_weights/dense/dense/kernel:0: has shape [4, 1], but dense/kernel needs [4, 2]"));
  EXPECT_THAT(complaint(file_with(dense("[null, 100000000]", "100000000"))),
              HasSubstr("needs [100000000, 100000000]"));
  EXPECT_THAT(complaint(file_with(dense("[null, 4]", "9223372036854775807"))), HasSubstr("dense"));
  EXPECT_THAT(complaint(file_with(dense("[null, 4]", "1e300"))), HasSubstr("dense"));
  EXPECT_THAT(complaint(file_with(dense("[null, 4]", "-3"))), HasSubstr("dense"));
  EXPECT_THAT(complaint(file_with(dense("[null, 1000000, 1000000, 3]", "1"))), HasSubstr("dense"));
  EXPECT_THAT(complaint(file_with(dense("[null, -4]", "1"))), HasSubstr("shape [null, -4] is not supported"));
  EXPECT_THAT(complaint(file_with(dense("[null, null]", "1"))), HasSubstr("every length must be known"));
  EXPECT_THAT(complaint(file_with(dense("[]", "1"))), HasSubstr("shape [] is not supported"));
  EXPECT_THAT(complaint(file_with(dense("[null, 1, 1, 1, 1, 1, 1, 1, 1, 1]", "1"))),
              HasSubstr("is not supported"));
}

TEST(HostileModel, ConfigsOfAWrongForm) {
  EXPECT_THAT(complaint(file_with("")), HasSubstr("is not valid JSON"));
  EXPECT_THAT(complaint(file_with("[1, 2")), HasSubstr("is not valid JSON"));
  EXPECT_THAT(complaint(file_with("7")), HasSubstr("class_name"));
  EXPECT_THAT(complaint(file_with(R"({"class_name": 7})")), HasSubstr("a string is wanted, not 7"));
  EXPECT_THAT(complaint(file_with(R"({"class_name": "Sequential", "config": []})")),
              HasSubstr("has no layers"));
  EXPECT_THAT(complaint(file_with(R"({"class_name": "Zoo", "config": []})")),
              HasSubstr("a model of the class Zoo"));
  EXPECT_THAT(complaint(file_with(dense("[null, 4]", "\"many\""))), HasSubstr("layer dense (Dense)"));
  EXPECT_THAT(complaint(file_with(dense("[null, 4]", "1", R"(, "activation": "zoo>wild")"))),
              HasSubstr("zoo>wild"));
  EXPECT_THAT(complaint(file_with(dense(
                  "[null, 4]", "1", R"(, "activation": {"class_name": "function", "config": "os.system"})"))),
              HasSubstr("layer dense (Dense)"));
  EXPECT_THAT(complaint(file_with(std::string(100'000, '['))), HasSubstr("nested more than 64 levels deep"));
  std::string many = "{";
  for (int i = 0; i < 5000; ++i) many += fmt::format("\"{}\": 0, ", i);
  EXPECT_THAT(complaint(file_with(many + "\"x\": 0}")), HasSubstr("an object of 5001 entries"));
}

TEST(HostileModel, GraphsThatDoNotClose) {
  auto functional = [](const std::string& nodes, const std::string& output) {
    return R"({"class_name": "Functional", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "name": "in", "config": {"name": "in", "batch_input_shape": [null, 4]}, "inbound_nodes": []},
        {"class_name": "Dense", "name": "dense", "config": {"name": "dense", "units": 1, "use_bias": false}, "inbound_nodes": )" +
           nodes + R"(}], "input_layers": [["in", 0, 0]], "output_layers": )" + output + "}}";
  };
  EXPECT_EQ(complaint(file_with(functional(R"([[["in", 0, 0, {}]]])", R"([["dense", 0, 0]])"))), "");
  EXPECT_THAT(complaint(file_with(functional(R"([[["dense", 0, 0, {}]]])", R"([["dense", 0, 0]])"))),
              HasSubstr("its outputs do not follow from its inputs"));
  EXPECT_THAT(complaint(file_with(functional(R"([[["gone", 0, 0, {}]]])", R"([["dense", 0, 0]])"))),
              HasSubstr("layer gone: is used but not there"));
  EXPECT_THAT(complaint(file_with(functional(R"([[["in", -7, 0, {}]]])", R"([["dense", 0, 0]])"))),
              HasSubstr("do not follow"));
  EXPECT_THAT(complaint(file_with(functional(R"([[["in", 0, 3, {}]]])", R"([["dense", 0, 0]])"))),
              HasSubstr("layer in: has 1 outputs, there is none of number 3"));
  EXPECT_THAT(complaint(file_with(functional(R"([[["in", 0, 0, {"mask": 1}]]])", R"([["dense", 0, 0]])"))),
              HasSubstr("the argument mask is not supported"));
}

/// Models in models, each of which calls the next twenty times.
TEST(HostileModel, CallsThatMultiply) {
  auto part = [](const std::string& model, const std::string& name, const std::string& calls) {
    return fmt::format(R"({{"class_name": "{}", "name": "{}", "config": )", model, name) + "CONFIG" +
           fmt::format(R"(, "inbound_nodes": [{}]}})", calls);
  };
  const std::string input =
      R"({"class_name": "InputLayer", "name": "in", "config": {"name": "in", "batch_input_shape": [null, 4]},
                               "inbound_nodes": []})";
  std::string calls = R"([["in", 0, 0, {}]])";
  for (int call = 1; call < 20; ++call) calls += fmt::format(R"(, [["inner", {}, 0, {{}}]])", call);
  std::string model = "Sequential", config = R"({"name": "leaf", "layers": [)" + input + "]}";
  for (int level = 0; level < 12; ++level) {
    std::string inner = part(model, "inner", calls);
    inner.replace(inner.find("CONFIG"), 6, config);
    config = R"({"name": "m", "layers": [)";
    config.append(input).append(", ").append(inner);
    config += R"(], "input_layers": [["in", 0, 0]], "output_layers": [["inner", 20, 0]]})";
    model = "Functional";
  }
  EXPECT_THAT(complaint(file_with(R"({"class_name": "Functional", "config": )" + config + "}")),
              HasSubstr("models in models multiply"));
}

TEST(HostileModel, WeightsThatAreNoNumbers) {
  EXPECT_THAT(complaint(file_with(dense("[null, 4]", "1"), {1, NAN, 3, 4})),
              HasSubstr("model_weights/dense/dense/kernel:0: holds a value that is not a finite number"));
}

TEST(HostileModel, OtherFilesAreNamed) {
  EXPECT_THAT(complaint("PK\x03\x04" + std::string(200, 'z')),
              HasSubstr("is not a zip archive, or is damaged"));
  EXPECT_THAT(complaint("version https://git-lfs.github.com/spec/v1\noid sha256:0"),
              HasSubstr("a pointer of Git LFS"));
  EXPECT_THAT(complaint(std::string(500, 'x')), HasSubstr("is not an HDF5 file"));
  EXPECT_THAT(complaint(hdf5::image(hdf5::Group())), HasSubstr("has no model_config"));
}

TEST(HostileModel, LambdaIsRefused) {
  EXPECT_THAT(complaint(bytes_of("keras2-refused-lambda.h5")),
              HasSubstr("layer twice: a Lambda would run code"));
}

/// The most memory that this process has had, in KiB.
long most_resident() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/// Damaged files in a process that may have little memory and time.
TEST(HostileModel, MemoryAndTimeAreBounded) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer keeps released memory";
#endif
  pid_t child = ::fork();
  if (child == 0) {
    rlimit seconds{60, 60};
    ::setrlimit(RLIMIT_CPU, &seconds);
    long before = most_resident();  // this process has what earlier tests left
    std::string whole = bytes_of("keras2-catdog.h5");
    RandomStream random(4, RandomPurpose::sample, 0, 0);
    for (int run = 0; run < 1000; ++run) {
      std::string damaged = whole;
      for (int i = 0; i < 4; ++i)
        damaged[random.below(16384)] = static_cast<char>(random.below(3) == 0 ? 0xff : random.below(256));
      complaint(damaged);
    }
    ::_exit(most_resident() - before < 150L * 1024 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace manul
