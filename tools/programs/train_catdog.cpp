#include "manul/tools/support/training_run.h"

int main(int argc, char** argv) {
  manul::Program program(
      "train_catdog", "Trains a small convolutional network on a folder of pictures, one sub-folder a class.",
      "  train_catdog\n"
      "  train_catdog --data training_set --epochs 25\n"
      "  train_catdog --data flowers --split 0.2 --patience 5 --output flowers.h5\n"
      "  train_catdog --data training_set --epochs 50 --resume\n");
  return manul::run_training(program, argc, argv);
}
