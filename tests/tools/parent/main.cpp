#include "manul/manul.h"

int main() {
  return manul::Tensor::zeros({2}).elements() == 2 ? 0 : 1;
}
