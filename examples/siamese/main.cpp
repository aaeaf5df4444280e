// A siamese network learns which pictures are alike (keras.io: "Image similarity estimation using a Siamese
// Network with a contrastive loss"; Hadsell et al. 2006): one encoder for both pictures of a pair, the
// distance between what it makes of them, and a loss of its own.
//
//     siamese [EPOCHS]      on Fashion-MNIST, 10 epochs by default
//     siamese --quick       a few steps on drawn shapes
#include <cstdio>
#include <random>
#include <string>

#include "manul/manul.h"
#include "manul/ops/losses/loss_spec.h"

using namespace manul;

/// sqrt(sum((a - b)^2)) of two vectors.
struct EuclideanDistance {
  static constexpr const char* class_name = "Mine>EuclideanDistance";
  std::string name = {};

  void describe(Description&) {}
  Shape output_shape(const std::vector<Shape>&) const { return {1}; }
  Tensor call(const std::vector<Tensor>& x) const { return sqrt(sum(square(x[0] - x[1]), 1, true) + 1e-6); }
};

/// Pairs that are alike (1) are drawn together, others (0) pushed apart as far as the margin.
struct Contrastive {
  double margin = 1;

  void describe(auto& description) { description.option("margin", margin); }
  operator LossSpec() const {
    return {"contrastive",
            "Contrastive",
            {},
            options_of(*this),
            [margin = margin](const Tensor& y, const Tensor& p) {
              return mean_of_rows(y * square(p) + (1 - y) * square(maximum(margin - p, 0)));
            }};
  }
};
const bool contrastive_is_registered = register_loss<Contrastive>();

/// The share of pairs on the right side of half the margin.
Tensor pairs_told_apart(const Tensor& y, const Tensor& p) {
  return equal(less(p, 0.5), y);
}

struct Pairs {
  Tensor left, right, alike;
};

/// For each picture one of its class, and one of another.
Pairs make_pairs(const LabelledImages& data, uint32_t seed) {
  std::vector<int32_t> labels = data.labels.to_vector<int32_t>(), left, right;
  std::vector<std::vector<int32_t>> of_class(10);
  for (size_t i = 0; i < labels.size(); ++i)
    of_class[static_cast<size_t>(labels[i])].push_back(static_cast<int32_t>(i));
  std::vector<float> alike;
  std::mt19937 bits(seed);
  for (size_t i = 0; i < labels.size(); ++i)
    for (uint64_t apart : {uint64_t{0}, 1 + bits() % 9}) {
      const std::vector<int32_t>& others = of_class[(static_cast<uint64_t>(labels[i]) + apart) % 10];
      left.push_back(static_cast<int32_t>(i));
      right.push_back(others[bits() % others.size()]);
      alike.push_back(apart == 0 ? 1 : 0);
    }
  auto count = static_cast<int64_t>(left.size());
  auto pictures = [&](const std::vector<int32_t>& which) {
    return gather(data.images, Tensor::from(which, {count}));
  };
  return {pictures(left), pictures(right), Tensor::from(alike, {count, 1})};
}

int main(int argc, char** argv) try {
  bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  int64_t epochs = quick ? 5 : argc > 1 ? std::stoll(argv[1]) : 10;
  Pairs train = make_pairs(quick ? draw_shapes({.count = 200}) : read_fashion_mnist(DataPart::training), 1);
  Pairs test =
      make_pairs(quick ? draw_shapes({.count = 50, .seed = 1}) : read_fashion_mnist(DataPart::test), 2);

  Sequential encoder({28, 28, 1}, "encoder");
  encoder.add(Rescaling{.scale = 1.0 / 255});
  for (int64_t filters : {4, 16}) {
    encoder.add(Conv2D{.filters = filters, .kernel_size = 5, .activation = Activation::tanh});
    encoder.add(AveragePooling2D{.pool_size = 2});
  }
  encoder.add(Flatten{});
  encoder.add(BatchNormalization{});
  encoder.add(Dense{.units = 10, .activation = Activation::tanh});

  Graph graph;
  Symbol left = graph.input({28, 28, 1}), right = graph.input({28, 28, 1});
  graph.set_outputs(
      {graph.apply(EuclideanDistance{}, {graph.apply(encoder, left), graph.apply(encoder, right)})});
  Model siamese(std::move(graph));
  siamese.compile(Adam{}, Contrastive{}, {Metric("told_apart", pairs_told_apart)}, {.seed = 1});
  History history = siamese.fit({train.left, train.right}, train.alike,
                                {.epochs = epochs,
                                 .batch_size = quick ? 16 : 128,
                                 .validation_data = {.x = {test.left, test.right}, .y = test.alike}});

  Tensor distances = siamese.predict({slice(test.left, 0, 0, 8), slice(test.right, 0, 0, 8)});
  for (int i = 0; i < 8; ++i)
    std::printf("%s: distance %.2f\n", test.alike.data<float>()[i] > 0 ? "alike    " : "different",
                distances.to_vector<float>()[static_cast<size_t>(i)]);
  return history["loss"].back() < history["loss"].front() ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
