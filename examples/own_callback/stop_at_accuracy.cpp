// A callback that says how each epoch went and ends the training once the accuracy is good enough.
#include <cstdio>
#include <filesystem>

#include "manul/manul.h"

using namespace manul;

class StopAtAccuracy : public Callback {
 public:
  explicit StopAtAccuracy(double accuracy) : accuracy_(accuracy) {}

  void on_epoch_end(FitProgress& fit, const Logs& logs) override {
    const double* reached = find_log(logs, "accuracy");
    if (!reached)
      fail(ErrorKind::usage, "StopAtAccuracy: the model was compiled without the metric accuracy");
    std::printf("epoch %lld of %lld: accuracy %.3f\n", static_cast<long long>(fit.epoch + 1),
                static_cast<long long>(fit.epochs), *reached);
    if (*reached >= accuracy_) fit.stop(StopReason::early_stopping);
  }

 private:
  double accuracy_;
};

int main() {
  std::filesystem::path folder = std::filesystem::temp_directory_path() / "manul_own_callback";
  write_synthetic(folder, {.training = 60, .test = 1, .size = 48});
  ImageDataset data(ImageFolder::scan(folder / "training_set"), {.image = {.height = 32, .width = 32}});

  Sequential model({32, 32, 3});
  model.add(Conv2D{.filters = 8, .kernel_size = 3, .activation = Activation::relu});
  model.add(MaxPooling2D{.pool_size = 2});
  model.add(Flatten{});
  model.add(Dense{.units = 1, .activation = Activation::sigmoid});
  model.compile(Adam({.learning_rate = 0.003}), Loss::binary_crossentropy, {Metric::accuracy});

  StopAtAccuracy stop(0.9);
  History history = model.fit(data, {.epochs = 100, .batch_size = 16, .callbacks = {&stop}});
  std::filesystem::remove_all(folder);
  return history.stop_reason == StopReason::early_stopping && history.epochs().size() < 100 ? 0 : 1;
}
