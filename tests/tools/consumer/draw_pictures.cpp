// The pictures that samples of the documentation read.
#include "manul/data/synthetic/synthetic.h"

int main() {
  manul::write_synthetic(".", {.training = 20, .test = 6, .size = 64});
}
