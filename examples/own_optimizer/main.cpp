// An optimizer of one's own: trains with it, saves the model, loads it and goes on.
#include <cstdio>

#include "manul/manul.h"
#include "sign_momentum.h"

using namespace manul;

int main() {
  DrawnShapes shapes = draw_shapes({.count = 200});
  Tensor x = cast(shapes.images, DType::f32) / 255;
  Sequential model({28, 28, 1});
  model.add(Flatten{});
  model.add(Dense{.units = 10, .activation = Activation::softmax});
  model.compile(OptimizerOf<mine::SignMomentum>(), Loss::sparse_categorical_crossentropy);
  std::vector<double> losses = model.fit(x, shapes.labels, {.epochs = 8})["loss"];
  model.save("own_optimizer.h5");
  Model again = Model::load("own_optimizer.h5", {.training = true});
  double more = again.fit(x, shapes.labels, {.epochs = 1})["loss"].back();
  std::printf("loss %.3f, then %.3f, and %.3f once it was loaded\n", losses[0], losses[7], more);
  return losses[7] < 0.7 * losses[0] && more < losses[0] ? 0 : 1;
}
