#include "manul/models/graph/model.h"
#include "manul/tests/tools/train_catdog.h"

// Training in mixed precision from the command line.
namespace manul {
namespace {

class TrainBf16 : public TrainCatdog {};

TEST_F(TrainBf16, LearnsAndLeavesThePolicyInTheFile) {
  Outcome outcome = train("--bf16 --epochs 2 --no-run-folder --size 32");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  Model model = Model::load(folder_ / "trained_model.h5");
  for (const LayerPtr& layer : model.graph().layers()) {
    bool is_end = layer == model.graph().layers().back() || layer->class_name() == "InputLayer";
    EXPECT_EQ(layer->dtype_policy(), is_end ? DTypePolicy::float32 : DTypePolicy::mixed_bfloat16)
        << layer->name();
  }
  EXPECT_EQ(run(folder_.path(), "predict trained_model.h5 test_set/*/*.jpg").code, 0);
}

TEST_F(TrainBf16, IsResumedInThePrecisionThatItBeganWith) {
  ASSERT_EQ(train("--bf16 --epochs 1 --no-run-folder --size 32").code, 0);
  Outcome longer = train("--epochs 2 --no-run-folder --resume");
  ASSERT_EQ(longer.code, 0) << longer.errors;
  std::string in_two = model("trained_model.h5");
  ASSERT_EQ(train("--bf16 --epochs 2 --no-run-folder --size 32 --output other.h5").code, 0);
  EXPECT_TRUE(in_two == model("other.h5")) << "two epochs at once and one by one leave other files";
}

}  // namespace
}  // namespace manul
