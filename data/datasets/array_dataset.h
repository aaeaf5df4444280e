#pragma once

#include "manul/data/datasets/dataset.h"

namespace manul {

struct ArrayDatasetOptions {
  std::vector<std::string> class_names = {};
  Device device = {};  // where the arrays are kept, and batches made
};

/// Labels of u8 as i32, on their device; others as they are.
Tensor as_labels(const Tensor& labels);

/// Samples that are held in memory, on the device: any number of inputs, labels and weights, each [N, ..].
/// Inputs of bytes come as f32 of the same values (0 to 255), labels of bytes as i32.
///
///     ArrayDataset data(pictures, labels);
///     ArrayDataset pairs({left, right}, {distance});
class ArrayDataset : public Dataset {
 public:
  /// `weights`: f32 [N], none, one for all labels or one for each. Throws ErrorKind::data where the arrays
  /// have not the same number of samples.
  explicit ArrayDataset(const Tensors& inputs, const Tensors& labels = {}, const Tensors& weights = {},
                        const ArrayDatasetOptions& options = {});

  int64_t size() const override { return size_; }
  BatchSpec spec() const override;
  const std::vector<std::string>& class_names() const override { return class_names_; }
  bool is_resident() const override { return true; }

  /// The arrays, on the device.
  const std::vector<Tensor>& inputs() const { return arrays_.inputs; }
  const std::vector<Tensor>& labels() const { return arrays_.labels; }
  const std::vector<Tensor>& weights() const { return arrays_.weights; }

 protected:
  void set_order(const std::vector<int32_t>& order) override;
  void fill(const DeviceStepState& state, const Batch& batch) override;

 private:
  int64_t size_ = 0;
  Batch arrays_;  // of all samples
  Tensor order_;  // i32 [size]
  std::vector<std::string> class_names_;
};

}  // namespace manul
