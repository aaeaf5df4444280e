// The training loop that docs/models.md writes out: it gives the weights of fit().
#include <cmath>
#include <cstdio>

#include "manul/manul.h"

using namespace manul;

Sequential classifier_by_logits() {
  Sequential model({28, 28, 1});
  model.add(Conv2D{.filters = 4, .kernel_size = 3, .strides = 3, .activation = Activation::relu});
  model.add(Flatten{});
  model.add(Dropout{.rate = 0.2});
  model.add(Dense{.units = 10});
  return model;
}

void written_loop(Model& model, Dataset& data) {
#include "written_loop.inc"
}

int main() {
  DrawnShapes shapes = draw_shapes({.count = 100});
  ArrayDataset data(cast(shapes.images, DType::f32) / 255, shapes.labels);
  Sequential by_loop = classifier_by_logits(), by_fit = classifier_by_logits();
  written_loop(by_loop, data);
  by_fit.compile(Adam{}, Loss::sparse_categorical_crossentropy, {}, {.seed = 4, .from_logits = true});
  by_fit.fit(data, {.epochs = 5, .verbose = Verbose::none});
  std::vector<float> one = by_loop.parameters().values().to_vector<float>(),
                     other = by_fit.parameters().values().to_vector<float>();
  double largest = 0, difference = 0;
  for (size_t i = 0; i < one.size(); ++i) {
    largest = std::max<double>(largest, std::abs(other[i]));
    difference = std::max<double>(difference, std::abs(one[i] - other[i]));
  }
  std::printf("the loop's weights and those of fit() differ by %g, the largest is %g\n", difference, largest);
  return one.size() == other.size() && difference < 1e-3 * largest ? 0 : 1;
}
