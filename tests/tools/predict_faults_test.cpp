#include <gmock/gmock.h>

#include "manul/data/image/image_io.h"
#include "manul/data/synthetic/synthetic.h"
#include "manul/layers/layers.h"
#include "manul/models/graph/model.h"
#include "manul/tests/tools/run.h"

// Models of others, and what no picture should be able to do.
namespace manul {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

/// A folder with a cat.jpg, a dog.png, and models made by the tests.
class PredictFaults : public testing::Test {
 protected:
  void SetUp() override {
    save_jpeg(folder_ / "cat.jpg", draw_synthetic(SyntheticAnimal::cat, 0, 0));
    save_png(folder_ / "dog.png", draw_synthetic(SyntheticAnimal::dog, 0, 0));
  }
  void save(Graph graph, const Preprocessing& preprocessing = {}) {
    Model model(std::move(graph));
    model.build({.seed = 1, .gradients = false});
    model.preprocessing = preprocessing;
    model.save((folder_ / "model.h5").string());
  }
  /// A model of 8x8 pixels; `before` comes first, if anything.
  Graph network(int64_t channels, int64_t outputs, manul::Activation activation,
                const LayerPtr& before = nullptr) {
    Graph graph;
    Symbol x = graph.input({8, 8, channels});
    if (before) x = graph.apply(before, x);
    x = graph.apply(Flatten{}, x);
    x = graph.apply(Dense{.units = outputs, .activation = activation}, x);
    graph.set_outputs({x});
    return graph;
  }
  Outcome run_here(const std::string& line) { return run(folder_.path(), line); }
  std::string answer(const std::string& arguments) {
    Outcome outcome = run_here("predict model.h5 " + arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    return outcome.output;
  }

  TemporaryFolder folder_;
};

/// An 8x8 PNG of 16-bit gray, made by hand: pixel i has the value 257 * i. Deflate's stored block needs no
/// compressor.
std::string gray16_png() {
  auto be32 = [](uint32_t value) {
    std::string bytes;
    for (int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift);
    return bytes;
  };
  auto crc = [](const std::string& bytes) {
    uint32_t sum = 0xffffffff;
    for (unsigned char byte : bytes) {
      sum ^= byte;
      for (int i = 0; i < 8; ++i) sum = (sum >> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum;
  };
  auto chunk = [&](const std::string& content) {
    return be32(static_cast<uint32_t>(content.size() - 4)) + content + be32(crc(content));
  };
  std::string rows;
  for (int y = 0; y < 8; ++y) {
    rows += '\0';
    for (int x = 0; x < 8; ++x) rows += std::string(2, static_cast<char>(8 * y + x));
  }
  uint32_t a = 1, b = 0;
  for (unsigned char byte : rows) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  auto length = static_cast<uint16_t>(rows.size());
  std::string stored = "\x78\x01\x01";
  for (uint16_t part : {length, static_cast<uint16_t>(~length)})
    stored += std::string{static_cast<char>(part), static_cast<char>(part >> 8)};
  std::string header = std::string("IHDR") + be32(8) + be32(8) + std::string("\x10\0\0\0\0", 5);
  return "\x89PNG\r\n\x1a\n" + chunk(header) + chunk("IDAT" + stored + rows + be32(b << 16 | a)) +
         chunk("IEND");
}

TEST_F(PredictFaults, SixteenBitGrayHasAnAnswerOfItsOwn) {
  write_file(folder_ / "g16.png", gray16_png());
  Image small(8, 8, 1);
  for (size_t i = 0; i < small.pixels.size(); ++i) small.pixels[i] = static_cast<uint8_t>(i);
  save_png(folder_ / "g8.png", small);
  save(network(1, 3, Activation::softmax));
  std::string answers = answer("--json --top 1 --rescale 0.001 cat.jpg g16.png dog.png g16.png");
  std::vector<std::string> lines;
  for (size_t at = 0; at < answers.size(); at = answers.find('\n', at) + 1)
    lines.push_back(answers.substr(answers.find("\"prediction\"", at),
                                   answers.find('\n', at) - answers.find("\"prediction\"", at)));
  ASSERT_EQ(lines.size(), 4);
  EXPECT_EQ(lines[1], lines[3]) << "whatever picture comes before";
  EXPECT_NE(lines[0], lines[1]);
  // A pixel of 16 bits counts as it is, 257 times as much as one of 8 bits here.
  auto probability = [&](const std::string& text) {
    return std::stod(text.substr(text.find("probability") + 13));
  };
  EXPECT_NEAR(probability(answer("--json --rescale 0.001 g16.png")),
              probability(answer("--json --rescale 0.257 g8.png")), 1e-5);
}

TEST_F(PredictFaults, NothingIsReadThatWasNotWritten) {
  write_file(folder_ / "g16.png", gray16_png());
  save_png(folder_ / "alpha.png", Image(5, 7, 4));
  save_png(folder_ / "gray_alpha.png", Image(5, 7, 2));
  save_png(folder_ / "gray.png", Image(5, 7, 1));
  write_file(folder_ / "map.ppm", "P6\n2 2\n255\nabcdefghijkl");
  std::string pictures = " g16.png cat.jpg alpha.png gray.png gray_alpha.png map.ppm dog.png g16.png";
  // Valgrind knows no AVX-512: it is asked where it can run the program at all.
  bool valgrind = run_here("valgrind -q --error-exitcode=99 vector_add").code == 0;
  for (int64_t channels : {1, 3, 4}) {
    save(network(channels, 2, Activation::softmax));
    for (std::string filter : {"nearest", "bilinear"}) {
      std::string line = "predict --json --interpolation " + filter + " model.h5" + pictures;
      Outcome usual = run_here(line);
      EXPECT_EQ(usual.code, 0) << usual.errors;
      Outcome guarded = run_here("MANUL_MEMORY_GUARD=1 MALLOC_PERTURB_=165 " + line);
      EXPECT_EQ(guarded.output, usual.output);
      EXPECT_EQ(guarded.errors, usual.errors);
      if (!valgrind) continue;
      Outcome checked = run_here("valgrind -q --error-exitcode=99 " + line);
      EXPECT_EQ(checked.code, 0) << checked.errors;
      EXPECT_EQ(checked.output, usual.output);
    }
  }
}

TEST_F(PredictFaults, APipeOrADeviceIsRefusedAtOnce) {
  save(network(3, 1, Activation::sigmoid));
  Outcome picture = run_here("mkfifo pipe; timeout 10 predict model.h5 pipe /dev/zero cat.jpg");
  EXPECT_EQ(picture.code, 3);
  EXPECT_THAT(picture.errors, HasSubstr("predict: pipe: is not a regular file\n"));
  EXPECT_THAT(picture.errors, HasSubstr("predict: /dev/zero: is not a regular file\n"));
  EXPECT_THAT(picture.output, HasSubstr("cat.jpg: "));
  Outcome model = run_here("timeout 10 predict pipe cat.jpg");
  EXPECT_EQ(model.code, 4);
  EXPECT_THAT(model.errors, HasSubstr("pipe: is not a regular file"));
}

TEST_F(PredictFaults, NamesOfClassesAreShownEscaped) {
  save(network(3, 2, Activation::softmax),
       {{"a\033[31m\nEVIL", "b\xc2\x9b\xe2\x80\xae"}, 1.0 / 255, "nearest"});
  std::string line = answer("--top 2 cat.jpg");
  EXPECT_THAT(line, HasSubstr("a\\x1b[31m\\nEVIL "));
  EXPECT_THAT(line, HasSubstr("b\\u009b\\u202e "));
  EXPECT_THAT(answer("cat.jpg"),
              MatchesRegex("Probability = [0-9.]+\nPrediction = (a.x1b.*|b.u009b.u202e)\n"));
}

TEST_F(PredictFaults, WhatAModelFileSaysWronglyIsFourWithItsName) {
  save(network(3, 2, Activation::softmax), {{}, 0, "magic"});
  Outcome outcome = run_here("predict model.h5 cat.jpg");
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.errors, HasSubstr("predict: model.h5: interpolation: 'magic' is none of nearest"));
  save(network(3, 2, Activation::softmax), {{"a", "b", "c"}, 0, ""});
  outcome = run_here("predict model.h5 cat.jpg");
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.errors, HasSubstr("model.h5: has 2 classes, and names 3; --classes names them"));
  EXPECT_THAT(answer("--classes ant,bee cat.jpg"), MatchesRegex(".*Prediction = (ant|bee)\n"));
  save([] {
    Graph graph;
    Symbol x = graph.input({100000, 100000, 3});
    graph.set_outputs({graph.apply(Dense{.units = 1, .activation = Activation::sigmoid},
                                   graph.apply(GlobalAveragePooling2D{}, x))});
    return graph;
  }());
  outcome = run_here("predict model.h5 cat.jpg");
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.errors, HasSubstr("takes pictures of 100000x100000 pixels, more than the "));
}

TEST_F(PredictFaults, AModelThatRescalesIsGivenPixels) {
  save(network(3, 1, Activation::sigmoid, Rescaling{.scale = 1.0 / 255}));
  std::string itself = answer("cat.jpg");
  EXPECT_EQ(itself, answer("--rescale 1 cat.jpg"));
  save(network(3, 1, Activation::sigmoid));
  EXPECT_EQ(itself, answer("cat.jpg")) << "the same weights, scaled by predict";
  save(network(3, 1, Activation::sigmoid, Rescaling{.scale = 1 / 127.5, .offset = -1}));
  std::string offset = answer("cat.jpg");
  save(network(3, 1, Activation::sigmoid));
  EXPECT_EQ(offset, answer("--rescale 0.00784313725490196 --offset -1 cat.jpg"));
  EXPECT_NE(offset, itself);
}

TEST_F(PredictFaults, LogitsAreAskedFor) {
  for (int64_t outputs : {1, 2, 5}) {
    save(network(3, outputs, outputs == 1 ? Activation::sigmoid : Activation::softmax));
    std::string wanted = answer("--top 5 cat.jpg dog.png");
    save(network(3, outputs, Activation::linear));
    Outcome outcome = run_here("predict model.h5 cat.jpg");
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(outcome.errors, HasSubstr("model.h5: the last layer, dense, has no activation"));
    EXPECT_THAT(outcome.errors, HasSubstr("--from-logits"));
    EXPECT_EQ(answer("--from-logits --top 5 cat.jpg dog.png"), wanted);
  }
}

TEST_F(PredictFaults, OneOfSeveralOutputsIsChosenByName) {
  Graph graph;
  Symbol x = graph.apply(Flatten{}, graph.input({8, 8, 3}));
  Symbol age = graph.apply(Dense{.units = 3, .activation = Activation::softmax, .name = "age"}, x);
  Symbol kind = graph.apply(Dense{.units = 1, .activation = Activation::sigmoid, .name = "kind"}, x);
  graph.set_outputs({age, kind});
  save(std::move(graph));
  Outcome outcome = run_here("predict model.h5 cat.jpg");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.errors,
              HasSubstr("the model has 2 outputs, age, kind; --output-layer says which one is meant"));
  EXPECT_THAT(answer("--output-layer kind cat.jpg"), MatchesRegex(".*Prediction = (cat|dog)\n"));
  EXPECT_THAT(answer("--output-layer age --classes kitten,young,old cat.jpg"),
              MatchesRegex(".*Prediction = (kitten|young|old)\n"));
  EXPECT_EQ(run_here("predict model.h5 --output-layer size cat.jpg").code, 2);
  EXPECT_EQ(run_here("predict model.h5 --output-layer age --classes a,b cat.jpg").code, 2);
}

TEST_F(PredictFaults, WhatCannotBePrintedIsAFailureEverywhere) {
  save(network(3, 1, Activation::sigmoid));
  for (const char* line :
       {"predict model.h5 cat.jpg", "predict model.h5 --json cat.jpg dog.png", "predict --help",
        "train_catdog --version", "mandelbrot --width 8 --height 8 --device cpu", "gpu_info --help"}) {
    Outcome outcome = run_here(std::string(line) + " > /dev/full");
    EXPECT_EQ(outcome.code, 1) << line;
    EXPECT_THAT(outcome.errors, HasSubstr(": the output could not be written: No space left on device\n"))
        << line;
  }
}

TEST_F(PredictFaults, AFileThatMayNotGrowIsASentence) {
  Outcome outcome = run_here("ulimit -f 1; mandelbrot --device cpu");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("mandelbrot.png: cannot be written: File too large"));
}

}  // namespace
}  // namespace manul
