// Knowledge distillation (keras.io; Hinton et al. 2015): a small network learns from the labels and from how
// a large one that is trained already spreads its answers over all classes.
//
//     knowledge_distillation [EPOCHS]      on Fashion-MNIST, 5 epochs by default
//     knowledge_distillation --quick       a few steps on drawn shapes
#include <cstdio>
#include <string>

#include "manul/manul.h"

using namespace manul;

/// Gives logits of ten classes.
Sequential network(const std::string& name, int64_t filters) {
  Sequential model({28, 28, 1}, name);
  model.add(Rescaling{.scale = 1.0 / 255});
  for (int64_t count : {filters, 2 * filters}) {
    model.add(Conv2D{.filters = count, .kernel_size = 3, .strides = 2, .padding = Padding::same});
    model.add(LeakyReLU{.alpha = 0.2});
  }
  model.add(Flatten{});
  model.add(Dense{.units = 10});
  return model;
}

double accuracy(Model& model, const LabelledImages& data) {
  return mean(equal(cast(argmax(model.predict(data.images)), DType::f32), cast(data.labels, DType::f32)))
      .item<float>();
}

int main(int argc, char** argv) try {
  bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  int64_t epochs = quick ? 4 : argc > 1 ? std::stoll(argv[1]) : 5, batch_size = quick ? 16 : 64;
  LabelledImages train = quick ? draw_shapes({.count = 400}) : read_fashion_mnist(DataPart::training);
  LabelledImages test = quick ? draw_shapes({.count = 100, .seed = 1}) : read_fashion_mnist(DataPart::test);

  Sequential teacher = network("teacher", quick ? 16 : 64);
  teacher.compile(Adam{}, Loss::sparse_categorical_crossentropy, {Metric::accuracy},
                  {.seed = 1, .from_logits = true});
  teacher.fit(train.images, train.labels, {.epochs = epochs, .batch_size = batch_size});

  constexpr double alpha = 0.1, temperature = 10;  // the share of the labels; how far answers are spread
  Sequential student = network("student", 8);
  student.build({.seed = 2});
  Adam adam;
  adam.attach(student.parameters());
  ArrayDataset data(train.images, train.labels);
  DeviceStepState state;
  double first = 0, last = 0;
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    double total = 0;
    for (const Batch& batch : Epoch(data, state, {.batch_size = batch_size, .epoch = epoch, .seed = 2})) {
      const Tensor &x = batch.inputs[0], &labels = batch.labels[0];
      Tensor taught = softmax(teacher.predict(x) / temperature);
      Tape tape;
      Tensor logits = student.forward(x, {.training = true, .state = &state});
      Tensor of_labels = loss_from_logits(Loss::sparse_categorical_crossentropy, logits, labels);
      Tensor of_teacher = loss_from_logits(Loss::categorical_crossentropy, logits / temperature, taught);
      Tensor loss = alpha * of_labels + (1 - alpha) * temperature * temperature * of_teacher;
      adam.minimize(tape, loss, state);
      total += of_labels.item<float>() * static_cast<double>(x.shape()[0]);
    }
    last = total / static_cast<double>(data.size());
    if (epoch == 0) first = last;
    std::printf("Epoch %d: loss of the student %.4f\n", static_cast<int>(epoch + 1), last);
  }
  std::printf("Test: accuracy of the teacher %.4f, of the student %.4f\n", accuracy(teacher, test),
              accuracy(student, test));
  return last < first ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
