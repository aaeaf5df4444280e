#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "manul/framework/initializers/initializer.h"
#include "manul/framework/regularizer.h"
#include "manul/framework/tensor.h"

namespace manul {

struct ParameterBuffers;

/// A named tensor that a model learns (a weight) or keeps (a statistic, such as a moving mean). It belongs to
/// its layer, which may serve in several models; its memory is a place in flat buffers that those share.
struct Parameter {
  std::string path;  // "conv2d/kernel": unique in a model, the key of its random stream and of its file entry
  std::string name = {};  // in its layer: "kernel", "query/kernel"
  Shape shape;
  Initializer initializer;
  bool trainable = true;       // read it; set_trainable() changes it
  bool statistic = false;      // never trained: lies in ParameterSet::statistics()
  bool filters_first = false;  // a convolution's kernel: its first axis is the last one in Keras' files
  Tensor value;                // a range of ParameterSet::values() or ::statistics()
  Tensor gradient;     // a range of ParameterSet::gradients(); undefined in statistics and for prediction
  int64_t offset = 0;  // of value, in elements of its flat buffer
  std::shared_ptr<ParameterBuffers> buffers;       // null before it has memory
  std::shared_ptr<const Regularizer> regularizer;  // null: none
  std::shared_ptr<const Constraint> constraint;    // null: none

  /// Freezes a weight or trains it again, at any time: with effect from the next forward pass and the next
  /// update on. A frozen weight keeps its place and its slots; it gets no gradient, no decay and no update.
  /// Of a statistic nothing changes.
  void set_trainable(bool trainable);
};

using ParameterPtr = std::shared_ptr<Parameter>;

/// The parameters of a model. All lie in one flat buffer per role, so that an update is one pass. Models that
/// share layers share buffers: a model made of parts of another lies in that one's, and a model that adds
/// layers to another's moves all of them into buffers of its own, which the other then uses as well.
class ParameterSet {
 public:
  /// Elements; every parameter begins at a multiple of it.
  static constexpr int64_t alignment = 16;

  ParameterSet() = default;
  ParameterSet(const ParameterSet&) = delete;
  ParameterSet& operator=(const ParameterSet&) = delete;

  /// Declares a parameter, learned or a statistic; the reference stays valid as long as the set. Throws if
  /// the path is taken or memory is already there.
  Parameter& add(std::string path, const Shape& shape, const Initializer& initializer, bool learned = true);
  /// Adds a parameter of a layer that may serve in other models as well, where it may have other paths; its
  /// own if `path` is empty. Adding it again does nothing.
  void add(const ParameterPtr& parameter, std::string path = {});
  bool contains(std::string_view path) const;

  /// Gives all parameters memory and their initial values, drawn by (seed, path): the same whatever the order
  /// of declaration. With gradients, each trainable value becomes a watched tensor (see framework/tape.h);
  /// without (for prediction) no gradient memory is made. Parameters that have memory in another model keep
  /// their values; throws if they are of another dtype or on another device there.
  void allocate(uint64_t seed, DType dtype = DType::f32, Device device = {}, bool with_gradients = true);
  bool allocated() const { return buffers_ != nullptr; }

  /// The parameters, in order of declaration: `for (Parameter& parameter : set.all())`.
  class Range {
   public:
    class Iterator {
     public:
      explicit Iterator(const ParameterPtr* at) : at_(at) {}
      Parameter& operator*() const { return **at_; }
      Iterator& operator++() {
        ++at_;
        return *this;
      }
      bool operator==(const Iterator&) const = default;

     private:
      const ParameterPtr* at_;
    };
    explicit Range(const std::vector<ParameterPtr>& parameters) : parameters_(parameters) {}
    Iterator begin() const { return Iterator(parameters_.data()); }
    Iterator end() const { return Iterator(parameters_.data() + parameters_.size()); }
    size_t size() const { return parameters_.size(); }
    bool empty() const { return parameters_.empty(); }
    Parameter& operator[](size_t i) const { return *parameters_[i]; }

   private:
    const std::vector<ParameterPtr>& parameters_;
  };
  Range all() const { return Range(parameters_); }
  const std::vector<ParameterPtr>& pointers() const { return parameters_; }
  /// Throws ErrorKind::failed naming the path if there is no such parameter.
  Parameter& at(std::string_view path) const;

  /// Flat [n] tensors: weights, their gradients, and statistics; undefined before allocate(). Each parameter
  /// begins at a multiple of `alignment`; the gap in between is zero and stays zero. Parameters of other
  /// models may lie there as well.
  const Tensor& values() const;
  const Tensor& gradients() const;
  const Tensor& statistics() const;

  /// Number of elements, without gaps: of what is trained now; and of the rest, frozen weights and
  /// statistics.
  int64_t trainable_count() const;
  int64_t statistics_count() const;

  /// A stretch of values() that an optimizer treats alike: neighbours with the gaps between them.
  struct Segment {
    int64_t begin, end;
  };
  /// Where the trainable parameters of this set lie, in order of place, joined where they touch.
  std::vector<Segment> trainable_segments() const;
  /// The same of the weights that are chosen.
  std::vector<Segment> segments(const std::function<bool(const Parameter&)>& chosen) const;

  /// Zeroes the gradients that no backward() has written (or handed to a taker) since the last call, and
  /// marks all as used. An optimizer calls this before it reads the gradients.
  void take_gradients();

  /// Expires with the set.
  std::weak_ptr<const ParameterSet*> lifetime() const { return alive_; }

 private:
  bool lies_together() const;
  void place(const std::vector<ParameterPtr>& parameters, uint64_t seed, DType dtype, Device device,
             bool with_gradients);
  const ParameterBuffers& buffers() const;

  std::vector<ParameterPtr> parameters_;
  std::vector<std::string> paths_;  // theirs, in this set
  mutable std::shared_ptr<ParameterBuffers> buffers_;
  std::shared_ptr<const ParameterSet*> alive_ = std::make_shared<const ParameterSet*>(this);
};

}  // namespace manul
