#include "manul/models/graph/sequential.h"

#include "manul/framework/error.h"

namespace manul {

Sequential::Sequential(const Shape& sample_shape, std::string name) {
  graph_.set_sequential(true);
  graph_.set_name(std::move(name));
  graph_.input(sample_shape, "input");
}

void Sequential::add(const LayerPtr& layer) {
  append(layer);
  bool first = graph_.nodes().size() == 2;
  if (first) graph_.rename(*graph_.layers()[0], layer->name() + "_input");  // as Keras calls it
  // A layer that is there twice is one that Keras writes into functional models alone.
  if (graph_.layers().size() < graph_.nodes().size()) graph_.set_sequential(false);
}

}  // namespace manul
