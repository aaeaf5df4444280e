#include "manul/models/graph/sequential.h"

#include "manul/framework/error.h"

namespace manul {

Sequential::Sequential(const Shape& sample_shape) {
  graph_.set_sequential(true);
  graph_.set_name("sequential");
  graph_.input(sample_shape, "input");
}

void Sequential::add(const LayerPtr& layer) {
  append(layer);
  bool first = graph_.layers().size() == 2;
  if (first) graph_.layers()[0]->set_name(layer->name() + "_input");  // as Keras calls it
}

}  // namespace manul
