// A project may have files that are named like Manul's.
#include "framework/error.h"
#include "manul/manul.h"
#include "models/model.h"

int layers_of_own_model() {
  manul::Model* model = nullptr;
  consumer::Error error = consumer::Error::none;
  return model || error != consumer::Error::none ? 0 : consumer::Model{}.layers;
}
