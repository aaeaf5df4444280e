#include "manul/models/training/progress_bar.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "manul/tests/models/support.h"

// What fit() tells on its way.
namespace manul {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

struct Shown {
  std::string out, err;
};

Shown shown_by_fit(const FitOptions& options) {
  InMemoryDataset data = corner_pictures(70, 1);
  Sequential model = small_classifier();
  model.compile(Adam{}, Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 1});
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  model.fit(data, options);
  std::string out = testing::internal::GetCapturedStdout();
  return {out, testing::internal::GetCapturedStderr()};
}

TEST(Verbose, IsARowPerEpochWhereThereIsNoTerminal) {
  for (Verbose verbose : {Verbose::automatic, Verbose::lines, Verbose::bar}) {
    Shown shown = shown_by_fit({.epochs = 2, .verbose = verbose});
    EXPECT_THAT(shown.out, ContainsRegex("seconds +samples/s +loss +accuracy\nEpoch 1/2 +[0-9.]+ +[0-9]+ "
                                         "+[0-9.]+ +[0-9.]+\nEpoch 2/2 +[^\n]*\n$"));
    EXPECT_EQ(shown.err, "");
  }
}

TEST(EpochTable, FitsIntoEightyColumnsWhateverTheMetrics) {
  auto lines_of = [](const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  };
  Logs logs{{"loss", 0.5}, {"binary_accuracy", 0.9}, {"val_loss", 0.4}, {"val_binary_accuracy", 0.8}};
  EpochTable two(200, logs, "pictures");
  EXPECT_EQ(two.heading(),
            "                                              binary_            val_binary_\n"
            "                seconds  pictures/s    loss  accuracy  val_loss     accuracy");
  EXPECT_EQ(two.row(3, 1.2, 4000, logs),
            "Epoch 4/200        1.20        4000  0.5000    0.9000    0.4000       0.8000");
  for (int i = 0; i < 12; ++i) logs.emplace_back(fmt::format("left_top_{}_categorical_accuracy", i), 0.25);
  EpochTable many(1000, logs, "pictures");
  std::vector<std::string> rows = lines_of(many.row(999, 12345.67, 1234567, logs));
  EXPECT_THAT(rows[0], testing::StartsWith("Epoch 1000/1000  "));
  size_t numbers = 0;
  for (const std::string& row : rows) {
    EXPECT_LE(row.size(), 80U) << row;
    for (size_t at = row.find("0.2500"); at != std::string::npos; at = row.find("0.2500", at + 1)) ++numbers;
  }
  EXPECT_EQ(numbers, 12U);
  for (const std::string& line : lines_of(many.heading())) EXPECT_LE(line.size(), 80U) << line;
}

TEST(Verbose, NoneSaysNothing) {
  Shown shown = shown_by_fit({.epochs = 2, .verbose = Verbose::none});
  EXPECT_EQ(shown.out + shown.err, "");
}

TEST(Verbose, ABarAmongTheCallbacksIsTheOnlyOne) {
  std::vector<std::string> lines;
  ProgressBar bar({.unit = "pictures", .print = [&](const std::string& line) { lines.push_back(line); }});
  Shown shown = shown_by_fit({.epochs = 2, .callbacks = {&bar}, .verbose = Verbose::lines});
  EXPECT_EQ(shown.out + shown.err, "");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(lines[0], HasSubstr("pictures/s"));
  EXPECT_THAT(lines[2], HasSubstr("Epoch 2/2"));
}

/// Makes stderr a terminal as long as it lives.
class StderrTerminal {
 public:
  StderrTerminal() : master_(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)), before_(dup(STDERR_FILENO)) {
    if (master_ < 0 || grantpt(master_) != 0 || unlockpt(master_) != 0) return;
    int terminal = open(ptsname(master_), O_RDWR | O_NOCTTY);
    if (terminal < 0) return;
    is_open_ = dup2(terminal, STDERR_FILENO) >= 0;
    close(terminal);
  }
  ~StderrTerminal() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    close(master_);
  }
  bool is_open() const { return is_open_; }
  /// What was written since the last time.
  std::string read() const {
    std::string text;
    char part[4096];
    for (ssize_t count; (count = ::read(master_, part, sizeof part)) > 0;)
      text.append(part, static_cast<size_t>(count));
    return text;
  }

 private:
  int master_, before_;
  bool is_open_ = false;
};

class Slow : public Callback {
  void on_step_end(FitProgress& /*fit*/) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
  }
};

TEST(Verbose, IsABarOnATerminal) {
  setenv("TERM", "xterm", 1);
  Slow slow;
  StderrTerminal terminal;
  if (!terminal.is_open()) GTEST_SKIP() << "no pseudo terminal here";
  InMemoryDataset data = corner_pictures(70, 1);
  auto fit_with = [&](Verbose verbose) {
    Sequential model = small_classifier();
    model.compile(Adam{}, Loss::binary_crossentropy, {}, {.seed = 1});
    testing::internal::CaptureStdout();
    model.fit(data, {.callbacks = {&slow}, .verbose = verbose});
    return testing::internal::GetCapturedStdout();
  };
  EXPECT_THAT(fit_with(Verbose::automatic), HasSubstr("Epoch 1/1"));
  EXPECT_THAT(terminal.read(),
              testing::AllOf(HasSubstr("Epoch 1/1 1/3"), HasSubstr("samples/s"), HasSubstr("\r")));
  EXPECT_THAT(fit_with(Verbose::lines), HasSubstr("Epoch 1/1"));
  std::fputs("after", stderr);
  EXPECT_EQ(terminal.read(), "after") << "lines draw nothing over";
}

/// With time in between.
class SlowData : public InMemoryDataset {
 public:
  explicit SlowData(InMemoryDataset data) : InMemoryDataset(std::move(data)) {}

 protected:
  void prepare(int64_t /*position*/, int64_t /*length*/) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
  }
};

TEST(Verbose, OfEvaluateAndPredictIsALineAtMost) {
  InMemoryDataset data = corner_pictures(70, 1);
  Sequential model = small_classifier();
  model.compile(Adam{}, Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 1});
  auto shown = [&](Verbose verbose) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    model.evaluate(data, 32, verbose);
    model.predict(data, 32, verbose);
    std::string out = testing::internal::GetCapturedStdout();
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    return out;
  };
  EXPECT_EQ(shown(Verbose::none), "");
  EXPECT_EQ(shown(Verbose::automatic), "");
  for (Verbose verbose : {Verbose::lines, Verbose::bar})
    EXPECT_THAT(shown(verbose),
                ContainsRegex("^evaluate 3/3 0:[0-9]+ [0-9]+ samples/s - loss [0-9.]+ accuracy [0-9.]+\n"
                              "predict 3/3 0:[0-9]+ [0-9]+ samples/s\n$"));
}

TEST(Verbose, OfEvaluateAndPredictIsABarOnATerminal) {
  setenv("TERM", "xterm", 1);
  StderrTerminal terminal;
  if (!terminal.is_open()) GTEST_SKIP() << "no pseudo terminal here";
  SlowData data(corner_pictures(70, 1));
  Sequential model = small_classifier();
  model.compile(Adam{}, Loss::binary_crossentropy, {Metric::accuracy}, {.seed = 1});
  model.evaluate(data);
  EXPECT_THAT(terminal.read(),
              testing::AllOf(HasSubstr("evaluate 1/3"), HasSubstr("accuracy"), HasSubstr("\r")));
  model.predict(data);
  EXPECT_THAT(terminal.read(), testing::AllOf(HasSubstr("predict 2/3"), HasSubstr("samples/s")));
  model.predict(data, 32, Verbose::none);
  EXPECT_EQ(terminal.read(), "");
}

}  // namespace
}  // namespace manul
