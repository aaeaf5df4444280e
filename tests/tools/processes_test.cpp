#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "manul/tests/tools/train_catdog.h"

// Several processes under mpirun against one: the same numbers to rounding, and to the bit in each run.
namespace manul {
namespace {

using testing::HasSubstr;
using testing::Not;

bool has_mpirun() {
  static const bool found = std::system("command -v mpirun >/dev/null 2>&1") == 0;
  return found;
}

/// Runs a program by several processes, on a machine that may have fewer cores, as root in a container too.
std::string by(int processes) {
  return fmt::format(
      "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 120 mpirun --oversubscribe "
      "--bind-to none -n {} ",
      processes);
}

class Processes : public TrainCatdog {
 protected:
  void SetUp() override {
    if (!has_mpirun()) GTEST_SKIP() << "mpirun is not installed (Debian: openmpi-bin)";
  }
  Outcome worker(int processes, const std::string& name) {
    std::string start = processes == 1 ? "" : by(processes);
    return run(folder_.path(), start + PROCESSES_WORKER " " + name);
  }
};

using Numbers = std::vector<std::pair<std::string, double>>;
Numbers numbers_in(const std::string& text) {
  Numbers numbers;
  std::istringstream lines(text);
  std::string name;
  for (double value = 0; lines >> name >> value;) numbers.emplace_back(name, value);
  return numbers;
}

void expect_near(const Numbers& found, const Numbers& wanted, double tolerance) {
  ASSERT_EQ(found.size(), wanted.size());
  ASSERT_FALSE(wanted.empty());
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(found[i].first, wanted[i].first);
    EXPECT_NEAR(found[i].second, wanted[i].second, tolerance * std::max(1.0, std::abs(wanted[i].second)))
        << wanted[i].first << ", number " << i;
  }
}

/// Close to what one process has, but not the same, and the same bits in each run.
void expect_rounded_sums(const Outcome& alone, const Outcome& together, const Outcome& again) {
  ASSERT_EQ(together.code, 0) << together.errors;
  EXPECT_EQ(together.output, again.output);
  Numbers exact = numbers_in(alone.output), rounded = numbers_in(together.output);
  expect_near(rounded, exact, 0.03);
  double furthest = 0;
  for (size_t i = 0; i < exact.size(); ++i)
    furthest = std::max(furthest, std::abs(rounded[i].second - exact[i].second));
  EXPECT_GT(furthest, 1e-5) << "nothing was rounded";
}

class SameAsOne : public Processes, public testing::WithParamInterface<std::string> {};

TEST_P(SameAsOne, ByTwoThreeAndFourProcesses) {
  Outcome alone = worker(1, GetParam());
  ASSERT_EQ(alone.code, 0) << alone.errors;
  for (int processes : {2, 3, 4}) {
    Outcome together = worker(processes, GetParam());
    ASSERT_EQ(together.code, 0) << together.errors;
    expect_near(numbers_in(together.output), numbers_in(alone.output), 1e-10);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, SameAsOne,
                         testing::Values("dense", "few", "masks", "pictures", "own_loop", "synchronized"),
                         [](const auto& test) { return test.param; });

#ifdef MANUL_WITH_CUDA
class ProcessesOfGpus : public Processes {
 protected:
  void SetUp() override {
    Processes::SetUp();
    if (std::stoi(run(folder_.path(), "nvidia-smi -L 2>/dev/null | wc -l").output) < 2)
      GTEST_SKIP() << "there are no two GPUs";
  }
  Outcome gpus(int count, const std::string& name) {
    return run(folder_.path(),
               "WORKER_DEVICE=cuda " + (count == 1 ? "" : by(count)) + PROCESSES_WORKER " " + name);
  }
};

class SameAsOneGpu : public ProcessesOfGpus, public testing::WithParamInterface<std::string> {};

/// Eager in the first steps, then captured.
TEST_P(SameAsOneGpu, ByTwoGpus) {
  Outcome alone = gpus(1, GetParam()), together = gpus(2, GetParam()), again = gpus(2, GetParam());
  ASSERT_EQ(alone.code, 0) << alone.errors;
  if (together.errors.find("NCCL was not found") != std::string::npos) GTEST_SKIP() << together.errors;
  ASSERT_EQ(together.code, 0) << together.errors;
  expect_near(numbers_in(together.output), numbers_in(alone.output), 1e-10);
  EXPECT_EQ(together.output, again.output);
}

INSTANTIATE_TEST_SUITE_P(Cases, SameAsOneGpu,
                         testing::Values("dense", "few", "masks", "pictures", "own_loop", "synchronized"),
                         [](const auto& test) { return test.param; });

TEST_F(ProcessesOfGpus, AddGradientsInBf16WhereAsked) {
  for (const std::string name : {"dense", "both_halves"}) {
    Outcome together = gpus(2, name + "_rounded");
    if (together.errors.find("NCCL was not found") != std::string::npos) GTEST_SKIP() << together.errors;
    expect_rounded_sums(gpus(1, name), together, gpus(2, name + "_rounded"));
  }
}
#endif

TEST_F(Processes, GiveTheSameBitsInEachRun) {
  for (const char* name : {"dense", "normalized"}) {
    Outcome first = worker(3, name), second = worker(3, name);
    ASSERT_EQ(first.code, 0) << first.errors;
    EXPECT_FALSE(first.output.empty());
    EXPECT_EQ(first.output, second.output);
  }
}

/// In f64 and f32: close to one process, but rounded; check_same_weights() of fit() compares the processes.
TEST_F(Processes, AddGradientsInBf16WhereAsked) {
  for (const std::string name : {"dense", "both_halves"})
    expect_rounded_sums(worker(1, name), worker(3, name + "_rounded"), worker(3, name + "_rounded"));
}

TEST_F(Processes, StopTogetherAndGoOnInAnotherNumber) {
  Outcome whole = worker(1, "both_halves"), half = worker(2, "first_half");
  ASSERT_EQ(half.code, 0) << half.errors;
  for (int processes : {1, 3}) {
    Outcome rest = worker(processes, "second_half");
    ASSERT_EQ(rest.code, 0) << rest.errors;
    expect_near(numbers_in(rest.output), numbers_in(whole.output), 2e-5);
  }
}

TEST_F(Processes, ThatDisagreeEndWithASentence) {
  Outcome seeds = worker(2, "other_seeds");
  EXPECT_EQ(seeds.code, 1);
  EXPECT_THAT(seeds.errors, HasSubstr("the 2 processes do not have the same number of a seed"));
  Outcome sums = worker(2, "other_sums");
  EXPECT_EQ(sums.code, 1);
  EXPECT_THAT(sums.errors, HasSubstr("the same number of gradients summed in bf16"));
  Outcome batch = worker(3, "other_batch");
  EXPECT_EQ(batch.code, 1);
  EXPECT_THAT(batch.errors, HasSubstr("a batch size (process"));
  Outcome pictures = worker(3, "other_pictures");
  EXPECT_EQ(pictures.code, 3);
  EXPECT_THAT(pictures.errors,
              HasSubstr("the 3 processes do not have the same pictures and options (process"));
}

TEST_F(Processes, AreRefusedWhereTheyAreNotJoined) {
  Outcome outcome = worker(2, "not_joined");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("mpirun started 2 processes, and each would train for itself"));
  Outcome other = run(folder_.path(), "PMI_SIZE=4 " PROCESSES_WORKER " dense");
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.errors, HasSubstr("mpiexec started 4 processes, and MPI sees 1 of them"));
  Outcome by_srun = run(folder_.path(), "SLURM_STEP_NUM_TASKS=4 " PROCESSES_WORKER " dense");
  EXPECT_EQ(by_srun.code, 1);
  EXPECT_THAT(by_srun.errors, HasSubstr("srun started 4 processes, and without PMIx"));
}

TEST_F(Processes, EndWhereOneHangsOrDies) {
  for (const char* name : {"hangs", "dies"}) {
    Outcome outcome = run(folder_.path(), "MANUL_TIMEOUT=3 " + by(3) + PROCESSES_WORKER " " + name);
    EXPECT_NE(outcome.code, 0);
    EXPECT_NE(outcome.code, 124) << "it went on for two minutes";
    EXPECT_EQ(run(folder_.path(), "keras_info checkpoint.h5").code, 0) << name;
    if (std::string(name) == "hangs") {
      EXPECT_THAT(outcome.errors, HasSubstr("seconds for the others: one has died or hangs; all end"));
    }
  }
}

TEST_F(Processes, EndWhereOneCannotAddAnyMore) {
  Outcome outcome = worker(3, "cannot_add");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("process 2 of 3: the sums have failed: no way; all end\n"));
}

TEST_F(Processes, AddExactly) {
  Outcome outcome = worker(3, "sums");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  // In bf16, of 8 bits, halves go to the even neighbour: 3 + 3/128 up, 256 + 1 (or twice 256 + 1/2) down.
  EXPECT_EQ(outcome.output,
            "sum 3\nsum 1.5\nsum 7\nsum 3.03125\nsum 256\nwrong 0\nmax 2 0 told 12\nagree true false\n");
}

/// Each process prints what it has: the same as a process alone.
TEST_F(Processes, DecodeTheirPartOfThePictures) {
  Outcome alone = worker(1, "own_pictures");
  ASSERT_EQ(alone.code, 0) << alone.errors;
  EXPECT_THAT(alone.output,
              testing::MatchesRegex("bad_a/170.png 0\nsum .*\nhash .*\nhash .*\nhash .*\nstrict true\n"));
  for (int processes : {2, 3}) {
    Outcome together = worker(processes, "own_pictures");
    ASSERT_EQ(together.code, 0) << together.errors;
    std::multiset<std::string> wanted, found;
    std::istringstream lines(alone.output), others(together.output);
    for (std::string line; std::getline(lines, line);)
      for (int i = 0; i < processes; ++i)
        wanted.insert(line.starts_with("bad") ? fmt::format("bad_a/170.png {}", i) : line);
    for (std::string line; std::getline(others, line);) found.insert(line);
    EXPECT_EQ(found, wanted);
  }
}

TEST_F(Processes, StopReadingWhenOneIsToldTo) {
  Outcome outcome = worker(3, "stopped_reading");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  for (int rank : {0, 1, 2})
    EXPECT_THAT(outcome.output,
                HasSubstr(fmt::format("{} 128 stopped while 128 of 700 pictures were read{}\n", rank,
                                      rank == 2 ? "" : ": another process is to end")));
}

class ProcessesOfTrainCatdog : public Processes {
 protected:
  void SetUp() override {
    Processes::SetUp();
    if (has_mpirun()) TrainCatdog::SetUp();
  }
  Outcome train_by(int processes, const std::string& arguments) {
    return run(folder_.path(), (processes == 1 ? "" : by(processes)) + program + arguments);
  }
  Numbers history() {
    std::string text = model("history.csv");
    std::replace(text.begin(), text.end(), ',', ' ');
    text.erase(0, text.find('\n') + 1);
    Numbers numbers;
    std::istringstream words(text);
    for (double value = 0; words >> value;) numbers.emplace_back("history", value);
    return numbers;
  }
};

TEST_F(ProcessesOfTrainCatdog, TrainAsOneDoesAndOneOfThemTells) {
  std::string arguments = "--validation test_set --epochs 2 --batch-size 12 --seed 4 --output a.h5";
  Outcome alone = train_by(1, arguments);
  ASSERT_EQ(alone.code, 0) << alone.errors;
  Numbers wanted = history();
  Outcome together = train_by(3, arguments);
  ASSERT_EQ(together.code, 0) << together.errors;
  expect_near(history(), wanted, 2e-3);
  EXPECT_THAT(together.output, HasSubstr("Device: 3 processes, in each cpu"));
  EXPECT_EQ(together.output.find("Saved a.h5"), together.output.rfind("Saved a.h5"));
  EXPECT_EQ(run(folder_.path(), "ls runs | wc -l").output, "2\n");
}

TEST_F(ProcessesOfTrainCatdog, StreamPicturesThatDoNotFit) {
  std::string arguments = "--epochs 2 --batch-size 12 --no-run-folder --output a.h5 --cache-mb ";
  Outcome cached = train_by(2, arguments + "100");
  ASSERT_EQ(cached.code, 0) << cached.errors;
  Numbers wanted = history();
  std::string file = model("a.h5");
  Outcome streamed = train_by(2, arguments + "0");
  ASSERT_EQ(streamed.code, 0) << streamed.errors;
  EXPECT_EQ(history(), wanted);
}

TEST_F(ProcessesOfTrainCatdog, ShareACacheOnDisk) {
  std::string arguments =
      "--validation test_set --epochs 2 --batch-size 12 --no-run-folder --output a.h5 --cache-mb ";
  for (int processes : {2, 4}) {
    Outcome cached = train_by(processes, arguments + "100");
    ASSERT_EQ(cached.code, 0) << cached.errors;
    Numbers wanted = history();
    for (const char* keep : {"", " --keep-cache", " --keep-cache"}) {
      Outcome shared = train_by(processes, arguments + "0 --cache-dir cache" + keep);
      ASSERT_EQ(shared.code, 0) << shared.errors;
      EXPECT_EQ(history(), wanted);
      EXPECT_EQ(run(folder_.path(), "ls cache | wc -l").output, *keep == 0 && processes == 2 ? "0\n" : "2\n");
    }
  }
  // Of pictures that cannot be read any more, all is there.
  ASSERT_EQ(run(folder_.path(),
                "for f in */*/*.jpg; do touch -r $f time; truncate -s $(stat -c %s $f) other; "
                "cp other $f; touch -r time $f; rm other; done")
                .code,
            0);
  Outcome again = train_by(4, arguments + "0 --cache-dir cache --keep-cache");
  EXPECT_EQ(again.code, 0) << again.errors;
  EXPECT_EQ(again.errors, "");
}

TEST_F(ProcessesOfTrainCatdog, TrainOnShards) {
  std::string make =
      "cd training_set && for s in a:02468 b:13579; do tar cf ../${s%:*}.tar --transform "
      "'s/[.]\\([0-9]\\)/-\\1/' */*[${s#*:}].jpg; done";
  ASSERT_EQ(run(folder_.path(), make).code, 0);
  auto train_on = [&](int processes, int64_t cache_mb) {
    return run(folder_.path(),
               (processes == 1 ? "" : by(processes)) +
                   "train_catdog --device cpu --data '{a,b}.tar' --validation test_set --epochs 2 "
                   "--batch-size 12 --no-run-folder --output a.h5 --cache-mb " +
                   std::to_string(cache_mb));
  };
  Outcome alone = train_on(1, 100);
  ASSERT_EQ(alone.code, 0) << alone.errors;
  EXPECT_THAT(alone.output, HasSubstr("Training: 100 images in 2 classes: cats 50, dogs 50"));
  Numbers wanted = history();
  for (int processes : {2, 4}) {
    Outcome together = train_on(processes, processes == 2 ? 100 : 0);
    ASSERT_EQ(together.code, 0) << together.errors;
    expect_near(history(), wanted, 2e-3);
  }
}

TEST_F(ProcessesOfTrainCatdog, SayOnceWhatIsWrong) {
  Outcome outcome = train_by(2, "--validation nowhere --epochs 1 --no-run-folder");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.errors, HasSubstr("train_catdog: "));
  EXPECT_THAT(outcome.errors, Not(HasSubstr("process 1: ")));
}

TEST_F(ProcessesOfTrainCatdog, ExplainWrongOptionsOnce) {
  auto times = [](const std::string& text, const std::string& in) {
    int found = 0;
    for (size_t at = in.find(text); at != std::string::npos; at = in.find(text, at + 1)) ++found;
    return found;
  };
  Outcome wrong = train_by(3, "--epoch 1");
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(times("--help shows all options", wrong.errors), 1) << wrong.errors;
  Outcome help = train_by(3, "--help");
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(times("Examples:", help.output), 1);
}

TEST_F(ProcessesOfTrainCatdog, TrainWithSumsInBf16) {
  Outcome outcome = train_by(2, "--epochs 1 --batch-size 12 --bf16-sums --no-run-folder --output a.h5");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
}

}  // namespace
}  // namespace manul
