// Transfer learning and fine-tuning (keras.io: "Transfer learning & fine-tuning"): what a network has learned
// from many pictures of some classes serves for others, of which there are few. First a new classifier learns
// on top of the frozen layers, then all of them learn, slowly.
//
//     fine_tuning [EARLIER.h5]     on Fashion-MNIST; without the file of an earlier run it makes one itself
//     fine_tuning --quick          a few steps on drawn shapes
#include <cstdio>
#include <filesystem>
#include <string>

#include "manul/manul.h"

using namespace manul;

/// The pictures of `count` classes from `first` on, whose labels begin at 0; at most `most` of them.
LabelledImages of_classes(const LabelledImages& data, int32_t first, int32_t count, size_t most) {
  std::vector<int32_t> all = data.labels.to_vector<int32_t>(), chosen, labels;
  for (size_t i = 0; i < all.size() && chosen.size() < most; ++i)
    if (all[i] >= first && all[i] < first + count) {
      chosen.push_back(static_cast<int32_t>(i));
      labels.push_back(all[i] - first);
    }
  Tensor indices = Tensor::from(chosen, {static_cast<int64_t>(chosen.size())});
  return {gather(data.images, indices), Tensor::from(labels, indices.shape()), {}};
}

/// What an earlier run has left: a network of the first seven classes.
void earlier_run(const LabelledImages& data, int64_t epochs, const std::string& file) {
  Sequential model({28, 28, 1});
  model.add(Rescaling{.scale = 1.0 / 255});
  for (int64_t filters : {16, 32}) {
    model.add(Conv2D{.filters = filters, .kernel_size = 3, .padding = Padding::same, .use_bias = false});
    model.add(BatchNormalization{});
    model.add(ReLU{});
    model.add(MaxPooling2D{});
  }
  model.add(Flatten{.name = "features"});
  model.add(Dense{.units = 7, .activation = Activation::softmax});
  model.compile(Adam{}, Loss::sparse_categorical_crossentropy, {Metric::accuracy}, {.seed = 1});
  model.fit(data.images, data.labels, {.epochs = epochs, .batch_size = 32});
  model.save(file);
}

int main(int argc, char** argv) try {
  bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  LabelledImages all = quick ? draw_shapes({.count = 400}) : read_fashion_mnist(DataPart::training);
  LabelledImages few = of_classes(all, 7, 3, 60);
  LabelledImages test = of_classes(
      quick ? draw_shapes({.count = 200, .seed = 1}) : read_fashion_mnist(DataPart::test), 7, 3, 3000);
  std::string file = argc > 1 && !quick ? argv[1] : "earlier.h5";
  if (quick || !std::filesystem::exists(file))
    earlier_run(of_classes(all, 0, 7, all.images.shape()[0]), 3, file);

  Model earlier = Model::load(file, {.training = true});
  Model base(earlier.inputs(), {earlier.output_of("features")});
  base.as_layer()->set_trainable(false);  // its BatchNormalization runs as in inference then, as in Keras

  Graph graph;
  Symbol input = graph.input({28, 28, 1});
  Symbol x = graph.apply(base, input, false);  // and stays so when the layers learn again
  x = graph.apply(Dropout{.rate = 0.2}, x);
  graph.set_outputs({graph.apply(Dense{.units = 3, .activation = Activation::softmax}, x)});
  Model model(std::move(graph));
  std::printf("%s\n", model.summary().c_str());

  model.compile(Adam({.learning_rate = 0.001}), Loss::sparse_categorical_crossentropy, {Metric::accuracy},
                {.seed = 1});
  double untrained = *find_log(model.evaluate(test.images, test.labels), "loss");
  FitOptions options{
      .epochs = quick ? 4 : 20, .batch_size = 10, .validation_data = {.x = test.images, .y = test.labels}};
  model.fit(few.images, few.labels, options);
  double with_frozen_base = *find_log(model.evaluate(test.images, test.labels), "loss");

  base.as_layer()->set_trainable(true);
  model.compile(Adam({.learning_rate = 1e-5}), Loss::sparse_categorical_crossentropy, {Metric::accuracy});
  model.fit(few.images, few.labels, options);
  Logs tuned = model.evaluate(test.images, test.labels);
  std::printf("Test: loss %.4f untrained, %.4f with a frozen base, %.4f fine-tuned; accuracy %.4f\n",
              untrained, with_frozen_base, *find_log(tuned, "loss"), *find_log(tuned, "accuracy"));
  return with_frozen_base < untrained && *find_log(tuned, "loss") < 1.02 * with_frozen_base ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
