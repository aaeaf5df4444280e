#include "manul/tools/support/training_run.h"

int main(int argc, char** argv) {
  manul::Program program(
      "train",
      "Trains any network on pictures: a ready-made one or that of a file, from new weights or those of an "
      "earlier "
      "run or of Keras, to tell classes apart, to find several labels, or to answer with numbers.",
      "  train --model resnet18 --data training_set --size 128\n"
      "  train --model vgg16 --data flowers --weights old.h5 --freeze all-but-last\n"
      "  train --model network.json --data flowers --split 0.2 --output flowers.keras\n"
      "  train --model resnet18 --labels labels.csv --split 0.2\n"
      "  train --model lenet5 --targets ages.csv --split 0.2 --no-flip\n"
      "  train --resume --epochs 50\n");
  return manul::run_training(program, argc, argv);
}
