#include "manul/testing/op_sample.h"

#include <numeric>

#include "manul/framework/random.h"

namespace manul {

Tensor test_values(const Shape& shape, uint64_t salt, DType dtype, Device device, double low, double high) {
  int64_t count = shape.elements();
  std::vector<int64_t> places(count);
  std::iota(places.begin(), places.end(), int64_t{0});
  RandomStream random(1, RandomPurpose::sample, 0, salt);
  for (int64_t i = count - 1; i > 0; --i)
    std::swap(places[i], places[random.below(static_cast<uint32_t>(i + 1))]);
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i)  // 0.3: never in the middle of the range
    values[i] = static_cast<float>(low + (high - low) * (static_cast<double>(places[i]) + 0.3) /
                                             static_cast<double>(count));
  return Tensor::from(values, shape).to(dtype).to(device);
}

std::vector<Tensor> make_inputs(const OpSample& sample, DType dtype, Device device, bool rounded) {
  std::vector<Tensor> inputs;
  for (const OpInput& input : sample.inputs) {
    uint64_t salt = random_key(sample.name.c_str()) % 65536 * 16 + inputs.size();
    if (input.dtype == DType::i32) {
      RandomStream random(1, RandomPurpose::sample, 1, salt);
      std::vector<int32_t> values(input.shape.elements());
      for (int32_t& value : values)
        value = static_cast<int32_t>(input.low) +
                static_cast<int32_t>(random.below(static_cast<uint32_t>(input.high - input.low)));
      inputs.push_back(Tensor::from(values, input.shape, device));
    } else {
      DType drawn = rounded ? DType::bf16 : dtype;
      DType kept = input.stays_f32 ? compute_dtype(dtype) : dtype;
      inputs.push_back(test_values(input.shape, salt, drawn, device, input.low, input.high).to(kept));
    }
  }
  return inputs;
}

}  // namespace manul
