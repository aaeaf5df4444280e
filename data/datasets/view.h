#pragma once

#include "manul/data/datasets/dataset.h"

namespace manul {

/// Another data set, looked at in another way: the base of views, which override what they change. The other
/// one must outlive the view; several views of it may take turns (each begins an epoch of its own).
class DatasetView : public Dataset {
 public:
  int64_t size() const override { return base_->size(); }
  BatchSpec spec() const override { return base_->spec(); }
  const std::vector<std::string>& class_names() const override { return base_->class_names(); }
  int64_t epochs_begun() const override { return base_->epochs_begun(); }
  bool is_resident() const override { return base_->is_resident(); }
  Dataset& base() const { return *base_; }

 protected:
  explicit DatasetView(Dataset& base) : base_(&base) {}
  void set_order(const std::vector<int32_t>& order) override { base_->begin_epoch(order); }
  void prepare(int64_t position, int64_t length) override { base_->prepare_batch(position, length); }
  void fill(const DeviceStepState& state, const Batch& batch) override { base_->next_batch(state, batch); }

 private:
  Dataset* base_;
};

}  // namespace manul
