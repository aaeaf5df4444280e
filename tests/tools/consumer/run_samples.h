#pragma once

#include <cstdio>
#include <string>

#include "manul/manul.h"

// What the samples of a page are given, and how they are run: one after the other, each with a model, data
// and files that the one before has not touched.
struct Sample {
  const char* page;
  void (*run)(manul::Model& model, manul::Tensor& x, manul::Tensor& y, manul::Tensor& x_test,
              manul::Tensor& y_test);
};

inline manul::Sequential small_classifier() {
  using namespace manul;
  Sequential model({28, 28, 1});
  model.add(Conv2D{.filters = 4, .kernel_size = 3, .strides = 3, .activation = Activation::relu});
  model.add(Flatten{.name = "features"});
  model.add(Dense{.units = 10, .activation = Activation::softmax});
  model.compile(Adam{}, Loss::sparse_categorical_crossentropy, {Metric::accuracy});
  return model;
}

/// Returns 1, naming the page, if one of them throws.
inline int run_samples(const std::vector<Sample>& samples) {
  using namespace manul;
  DrawnShapes train = draw_shapes({.count = 60}), test = draw_shapes({.count = 20, .seed = 1});
  int number = 0;
  for (const Sample& sample : samples) try {
      ++number;
      Sequential model = small_classifier();
      model.save("model.h5");
      Tensor x = cast(train.images, DType::f32) / 255, x_test = cast(test.images, DType::f32) / 255;
      Tensor y = train.labels.clone(), y_test = test.labels.clone();
      sample.run(model, x, y, x_test, y_test);
    } catch (const std::exception& error) {
      std::printf("sample %d, of docs/%s.md: %s\n", number, sample.page, error.what());
      return 1;
    }
  return 0;
}
