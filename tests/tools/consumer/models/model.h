#pragma once

namespace consumer {
struct Model {
  int layers = 3;
};
}  // namespace consumer
