#pragma once

#include "manul/layers/layer.h"
#include "manul/ops/pool/pool2d.h"

namespace manul {

/// Keras' MaxPooling2D: the largest value of each window, [N, H, W, C] -> [N, OH, OW, C].
struct MaxPooling2D {
  Size2D pool_size = 2;
  Size2D strides = 0;  // 0: as pool_size
  Padding padding = Padding::valid;
  std::string name = {};

  operator LayerPtr() const;
  static LayerPtr from_config(const Config& config);
};

/// Keras' AveragePooling2D: the mean of each window, padding not counted.
struct AveragePooling2D {
  Size2D pool_size = 2;
  Size2D strides = 0;  // 0: as pool_size
  Padding padding = Padding::valid;
  std::string name = {};

  operator LayerPtr() const;
  static LayerPtr from_config(const Config& config);
};

/// Keras' GlobalAveragePooling2D: [N, H, W, C] -> [N, C] or, keeping the axes, [N, 1, 1, C].
struct GlobalAveragePooling2D {
  bool keepdims = false;
  std::string name = {};

  operator LayerPtr() const;
  static LayerPtr from_config(const Config& config);
};

class Pooling2DLayer : public Layer {
 public:
  enum class Kind { max, average };
  Pooling2DLayer(Kind kind, const Pool2DOptions& options, std::string name);
  Kind kind() const { return kind_; }
  const Pool2DOptions& options() const { return options_; }

  std::string class_name() const override;
  Shape output_shape(const std::vector<Shape>& inputs) const override;
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& context) const override;

 protected:
  Config options_config() const override;

 private:
  Kind kind_;
  Pool2DOptions options_;
};

}  // namespace manul
