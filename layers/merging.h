#pragma once

#include "manul/framework/config/option_type.h"
#include "manul/layers/layer.h"

namespace manul {

/// Keras' Add, Subtract, Multiply, Average, Maximum and Minimum: two or more inputs, element by element
/// (Subtract: exactly two). Axes of length 1 are repeated; an input of fewer axes gets such axes behind the
/// batch's. Steps that a mask takes out do not take part in a Multiply, Maximum or Minimum, as in Keras 3. Of
/// equal elements the earlier input has the whole gradient of Maximum and Minimum.
enum class Merge { add, subtract, multiply, average, maximum, minimum };
inline constexpr const char* merge_class_names[] = {"Add",     "Subtract", "Multiply",
                                                    "Average", "Maximum",  "Minimum"};
template <Merge kind>
struct MergeLayer {
  static constexpr const char* class_name = merge_class_names[static_cast<int>(kind)];
  std::string name = {};

  void describe(Description& /*description*/) {}
  Shape output_shape(const std::vector<Shape>& inputs) const;
  Tensor call(const std::vector<Tensor>& inputs, const CallContext& context) const;
  /// Where every input has a mask: a step counts that counts in one of them.
  bool gives_mask(const std::vector<bool>& masked) const;
  Tensor compute_mask(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) const;
};
using Add = MergeLayer<Merge::add>;
using Subtract = MergeLayer<Merge::subtract>;
using Multiply = MergeLayer<Merge::multiply>;
using Average = MergeLayer<Merge::average>;
using Maximum = MergeLayer<Merge::maximum>;
using Minimum = MergeLayer<Merge::minimum>;
inline const LayerRegistration<Add> add_registration;
inline const LayerRegistration<Subtract> subtract_registration;
inline const LayerRegistration<Multiply> multiply_registration;
inline const LayerRegistration<Average> average_registration;
inline const LayerRegistration<Maximum> maximum_registration;
inline const LayerRegistration<Minimum> minimum_registration;
extern template class LayerOf<Add>;
extern template class LayerOf<Subtract>;
extern template class LayerOf<Multiply>;
extern template class LayerOf<Average>;
extern template class LayerOf<Maximum>;
extern template class LayerOf<Minimum>;

/// Keras' Concatenate: one input behind the other along an axis; the others are alike.
struct Concatenate {
  static constexpr const char* class_name = "Concatenate";
  Axis axis = -1;  // of a batch: 0 is the batch's own, which cannot be meant
  std::string name = {};

  void describe(Description& description) { description.option("axis", axis); }
  Shape output_shape(const std::vector<Shape>& inputs) const;
  Tensor call(const std::vector<Tensor>& inputs) const;
  /// Where an input has a mask; the others count wholly.
  bool gives_mask(const std::vector<bool>& masked) const;
  Tensor compute_mask(const std::vector<Tensor>& inputs, const std::vector<Tensor>& masks) const;
};
inline const LayerRegistration<Concatenate> concatenate_registration;
extern template class LayerOf<Concatenate>;

/// Keras' Dot: the product of two inputs over an axis of each, sample by sample: [N, a, k] and [N, k, b] give
/// [N, a, b] over the axes 2 and 1; [N, k] and [N, k] give [N, 1].
struct Dot {
  static constexpr const char* class_name = "Dot";
  Integers axes = -1;      // of a batch: one for both, or one for each
  bool normalize = false;  // along the axes, to length 1: the cosine of the angle
  std::string name = {};

  void describe(Description& description) {
    description.required("axes", axes);
    description.option("normalize", normalize);
  }
  Shape output_shape(const std::vector<Shape>& inputs) const;
  Tensor call(const std::vector<Tensor>& inputs) const;
};
inline const LayerRegistration<Dot> dot_registration;
extern template class LayerOf<Dot>;

}  // namespace manul
