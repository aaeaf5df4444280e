#include "manul/tests/tools/train_catdog.h"

// What the system may do at any time without a fault (odd_calls.cpp) changes nothing.
namespace manul {
namespace {

using testing::HasSubstr;
using testing::Not;

class OddCalls : public TrainCatdog, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "AddressSanitizer wants to be the first library";
#endif
    TrainCatdog::SetUp();
  }
  std::string odd() const {
    return std::string("env ODD_CALLS=") + GetParam() + " LD_PRELOAD=" ODD_CALLS " timeout 120 ";
  }
};

TEST_P(OddCalls, ChangeNoModelAndNoAnswer) {
  const std::string fit = "--epochs 2 --batch 8 --seed 3 --output ";
  Outcome plain = train(fit + "plain.h5");
  ASSERT_EQ(plain.code, 0) << plain.errors;
  Outcome strange = run(folder_.path(), odd() + program + fit + "strange.h5 --log-json strange.jsonl");
  ASSERT_EQ(strange.code, 0) << strange.errors;
  EXPECT_TRUE(model("strange.h5") == model("plain.h5"));
  EXPECT_THAT(strange.output + strange.errors + model("strange.jsonl"), Not(HasSubstr("nan")));
  EXPECT_THAT(strange.output, testing::Not(testing::ContainsRegex("-[0-9]+ ?m?s")));

  const std::string ask = "predict plain.h5 training_set/cats/*.jpg --device cpu";
  Outcome answer = run(folder_.path(), ask), again = run(folder_.path(), odd() + ask);
  ASSERT_EQ(answer.code, 0) << answer.errors;
  EXPECT_EQ(again.code, 0) << again.errors;
  EXPECT_EQ(again.output, answer.output);
}

/// A training that is cut off in the middle goes on to the same model.
TEST_P(OddCalls, ResumeToTheSameModel) {
  const std::string fit = "--batch 8 --seed 3 --output ";
  ASSERT_EQ(train("--epochs 3 " + fit + "whole.h5").code, 0);
  ASSERT_EQ(run(folder_.path(), odd() + program + "--epochs 1 " + fit + "part.h5").code, 0);
  Outcome rest = run(folder_.path(), odd() + program + "--epochs 3 --resume " + fit + "part.h5");
  ASSERT_EQ(rest.code, 0) << rest.errors;
  EXPECT_TRUE(model("part.h5") == model("whole.h5"));
}

INSTANTIATE_TEST_SUITE_P(Calls, OddCalls,
                         testing::Values("short", "interrupted", "clock", "short,interrupted,clock"),
                         [](const auto& info) { return "Number" + std::to_string(info.index); });

}  // namespace
}  // namespace manul
