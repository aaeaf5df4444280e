#include "manul/tests/tools/train_catdog.h"

// The programs on shards in place of folders.
namespace manul {
namespace {

using testing::HasSubstr;

class ProgramsOnShards : public TrainCatdog {
 protected:
  void SetUp() override {
    TrainCatdog::SetUp();
    // Their own folders, sorted, so that the pictures stand in the order of a folder's.
    ASSERT_EQ(run(folder_.path(),
                  "for s in training_set test_set; do mkdir $s.shards; "
                  "(cd $s; tar cf - --sort=name --transform 's/[.]\\([0-9]\\)/-\\1/' cats dogs) > "
                  "$s.shards/0.tar; done; "
                  "gzip test_set.shards/0.tar")
                  .code,
              0);
  }
  Outcome train_on(const std::string& arguments) {
    return run(folder_.path(), "train_catdog --device cpu --epochs 2 " + arguments);
  }
};

TEST_F(ProgramsOnShards, TrainToTheSameBits) {
  Outcome folders = train_on("--data training_set --validation test_set --name f --output f.h5");
  ASSERT_EQ(folders.code, 0) << folders.errors;
  std::string history = model("history.csv");
  Outcome shards = train_on(
      "--data training_set.shards --validation 'test_set.shards/{0..0}.tar.gz' --name s --output s.h5");
  ASSERT_EQ(shards.code, 0) << shards.errors;
  EXPECT_EQ(shards.errors, "");
  EXPECT_EQ(model("history.csv"), history);
  EXPECT_THAT(shards.output, HasSubstr("Training: 100 images in 2 classes: cats 50, dogs 50"));
  EXPECT_THAT(shards.output, HasSubstr("Try: evaluate s.h5 training_set.shards\n"));
  // Pictures of the report are read again.
  EXPECT_EQ(model("runs/s/val_predictions.jpg"), model("runs/f/val_predictions.jpg"));
  EXPECT_NE(model("runs/s/val_predictions.jpg"), "");
}

TEST_F(ProgramsOnShards, AreSplitAndResumed) {
  Outcome whole = train_on("--data training_set.shards --split 0.2 --no-run-folder --output a.h5");
  ASSERT_EQ(whole.code, 0) << whole.errors;
  EXPECT_THAT(whole.output, HasSubstr("Validation: 20 images in 2 classes: cats 10, dogs 10"));
  Outcome resumed = run(folder_.path(), "train_catdog --resume --epochs 3 --no-run-folder --output a.h5");
  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  ASSERT_EQ(run(folder_.path(), "cd training_set; tar cf ../training_set.shards/0.tar cats dogs").code, 0);
  Outcome other =
      run(folder_.path(), "train_catdog --resume --epochs 4 --no-run-folder --output a.h5 --split 0.5");
  EXPECT_NE(other.code, 0);
}

TEST_F(ProgramsOnShards, EvaluateAsOnFolders) {
  Outcome trained = train_on("--data training_set --no-run-folder --output a.h5");
  ASSERT_EQ(trained.code, 0) << trained.errors;
  Outcome folders = run(folder_.path(), "evaluate a.h5 test_set --csv");
  Outcome shards = run(folder_.path(), "evaluate a.h5 test_set.shards --csv --report report");
  EXPECT_EQ(shards.code, 0) << shards.errors;
  EXPECT_EQ(shards.output, folders.output);
  EXPECT_NE(model("report/predictions.jpg"), "");
  Outcome others = run(folder_.path(), "evaluate a.h5 test_set.shards --classes lynx,manul");
  EXPECT_EQ(others.code, 3);
  EXPECT_THAT(others.errors, HasSubstr("is none of the classes (lynx, manul)"));
}

TEST_F(ProgramsOnShards, SayWhatIsWrongWithThem) {
  ASSERT_EQ(run(folder_.path(), "truncate -s -20000 training_set.shards/0.tar").code, 0);
  Outcome outcome = train_on("--data training_set.shards");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.errors,
              HasSubstr("training_set.shards/0.tar: is damaged or cut short behind its member dogs/"));
  Outcome missing = train_on("--data 'training_set.shards/{0..3}.tar'");
  EXPECT_EQ(missing.code, 3);
}

}  // namespace
}  // namespace manul
