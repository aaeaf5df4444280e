// What all programs share, tried on the smallest ones.
#include <gmock/gmock.h>

#include <sstream>

#include "manul/framework/error.h"
#include "manul/tests/tools/run.h"
#include "manul/tools/support/help.h"
#include "manul/tools/support/memory.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Program, WrongOptionIsUsageAndNamesTheRightOne) {
  TemporaryFolder folder;
  Outcome outcome = run(folder.path(), "vector_add --reapets 3");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.output, "");
  EXPECT_THAT(outcome.errors, HasSubstr("Did you mean --repeats"));
  EXPECT_EQ(run(folder.path(), "vector_add --n many").code, 2);
  EXPECT_EQ(run(folder.path(), "vector_add --n 0").code, 2);
  EXPECT_EQ(run(folder.path(), "vector_add --threads -1").code, 2);
  EXPECT_EQ(run(folder.path(), "vector_add --device gpu").code, 2);
}

TEST(Program, MissingDeviceIsFive) {
  TemporaryFolder folder;
  Outcome outcome = run(folder.path(), "vector_add --device cuda:97");
  EXPECT_EQ(outcome.code, 5);
  EXPECT_THAT(outcome.errors, HasSubstr("cuda:97 cannot be used"));
}

TEST(Program, HelpStartsWithExamplesAndVersionTellsTheBuild) {
  TemporaryFolder folder;
  for (const char* name : {"vector_add", "mandelbrot", "train", "train_catdog", "predict", "evaluate"}) {
    Outcome help = run(folder.path(), std::string(name) + " --help");
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.output, StartsWith("Examples:\n  " + std::string(name)));
    Outcome version = run(folder.path(), std::string(name) + " --version");
    EXPECT_EQ(version.code, 0);
    EXPECT_THAT(version.output, StartsWith("manul "));
    EXPECT_EQ(run(folder.path(), std::string(name) + " -V").output, version.output);
    EXPECT_EQ(run(folder.path(), std::string(name) + " -h").output, help.output);
    std::istringstream lines(help.output);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80) << line;
  }
}

TEST(Program, ManualPagesAndCompletionsComeFromTheOptions) {
  TemporaryFolder folder;
  for (std::string name : {"train", "train_catdog", "predict", "evaluate", "mandelbrot", "vector_add",
                           "keras_info", "gpu_info"}) {
    Outcome page = run(folder.path(), name + " --man > page.1");
    EXPECT_EQ(page.code, 0) << page.errors;
    EXPECT_THAT(read_file(folder / "page.1"), HasSubstr("\n.SH EXAMPLES\n"));
    if (run(folder.path(), "command -v man").code == 0) {
      Outcome shown = run(folder.path(), "MANROFFSEQ= man --warnings -E UTF-8 -l -Tutf8 page.1");
      EXPECT_EQ(shown.errors, "") << name;
    }
    Outcome bash = run(folder.path(), name + " --completion bash > bash && bash -n bash");
    EXPECT_EQ(bash.code, 0) << bash.errors;
    EXPECT_EQ(run(folder.path(), name + " --completion zsh").code, 0);
    EXPECT_EQ(run(folder.path(), name + " --completion fish").code, 0);
    EXPECT_EQ(run(folder.path(), name + " --completion csh").code, 2);
  }
  std::string script =
      "train_catdog --completion bash > c; cat > t <<'END'\nsource ./c\n"
      "complete_with() { COMP_WORDS=(train_catdog \"$@\"); COMP_CWORD=$#; _train_catdog; echo "
      "${COMPREPLY[*]}; }\n"
      "complete_with --interpolation b\ncomplete_with --exif\ncomplete_with --data f\ncomplete_with "
      "--weights f\n"
      "complete_with --epochs f\nEND\nmkdir -p folder; touch file; bash t";
  EXPECT_EQ(run(folder.path(), script).output,
            "bilinear bicubic box\n--exif-orientation\nfile folder\nfile folder\n\n");
}

TEST(Program, TextIsWrappedAtSpaces) {
  EXPECT_EQ(wrapped("one two three", 7), "one two\nthree");
  EXPECT_EQ(wrapped("a-word-that-is-too-long b", 5), "a-word-that-is-too-long\nb");
  EXPECT_EQ(wrapped("", 5), "");
}

TEST(Program, Utf8LocalesInEverySpelling) {
  for (auto [locale, unicode] :
       {std::pair{"en_US.UTF-8", true}, std::pair{"en_US.UTF8", true}, std::pair{"en_US.utf8", true},
        std::pair{"de_DE.Utf-8@euro", true}, std::pair{"C", false}, std::pair{"de_DE.ISO-8859-1", false}}) {
    ::setenv("LC_ALL", locale, 1);
    EXPECT_EQ(Terminal::of_stderr().unicode, unicode) << locale;
  }
  ::unsetenv("LC_ALL");
}

TEST(Program, WhatMemoryCannotHoldIsRefusedWithBothNumbers) {
  EXPECT_GT(available_memory(), 0);
  require_memory("a picture", 1);
  try {
    require_memory("a picture", int64_t{1} << 60);
    ADD_FAILURE() << "no machine has that much";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), StartsWith("a picture: 1152921504.6 GB of memory are needed, and "));
    EXPECT_EQ(error.exit_code(), 1);
  }
  TemporaryFolder folder;
  Outcome outcome = run(folder.path(), "vector_add --device cpu --n 1000000000000");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors,
              StartsWith("vector_add: 1000000000000 elements: 12000.0 GB of memory are needed, and "));
}

TEST(Program, FullDiskBehindStdoutIsAFailure) {
  TemporaryFolder folder;
  Outcome outcome = run(folder.path(), "vector_add --device cpu > /dev/full");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("could not be written"));
}

}  // namespace
}  // namespace manul
