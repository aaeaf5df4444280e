#include "softsign.h"

#include "manul/testing/op_check.h"

namespace {

using namespace manul;

/// Each goes through all checks of Manul's own ops: finite differences, threads, memory, CUDA against CPU.
const std::vector<OpSample> samples{
    {"softsign_odd", {{.shape = {3, 5, 7}}}, [](const auto& in) { return mine::softsign(in[0]); }},
    {"softsign_one", {{.shape = {1}}}, [](const auto& in) { return mine::softsign(in[0]); }},
    {"softsign_wide",
     {{.shape = {2, 20001}, .low = -4, .high = 4}},
     [](const auto& in) { return mine::softsign(in[0]); }},
};
INSTANTIATE_TEST_SUITE_P(Softsign, OpTest, testing::ValuesIn(samples), name_of_sample);

TEST(Softsign, KnownValues) {
  Tensor y = mine::softsign(Tensor::from(std::vector<float>{-1, 0, 3}, {3}));
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{-0.5F, 0, 0.75F}));
}

}  // namespace
