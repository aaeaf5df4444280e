#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "manul/framework/tensor.h"

namespace manul {

class ParameterSet;
class Tape;

/// What a gradient closure may ask for and deliver: the gradients of its op's inputs, by position.
class Gradients {
 public:
  /// False where nobody wants the gradient of input `i`: do not compute it.
  bool needed(int i) const;
  /// Memory for the gradient of input `i`, uninitialised, of the input's shape: write every element.
  Tensor target(int i);
  /// The same, or on the CPU the memory of the output's gradient where that has the input's shape and nobody
  /// else needs it, as a line that was read need not be fetched to be written: for ops that read an element
  /// of it before they write the gradient of the same element.
  Tensor target_in_place(int i, const Tensor& output_gradient);
  /// Memory of the output's gradient's shape for what an op makes of that on its way: the gradient's own
  /// where nobody else needs it.
  Tensor on_the_way(const Tensor& output_gradient) const;
  /// Instead of target(i), where an optimizer takes the gradient of input `i` in ranges as it is made and no
  /// other gradient reaches that input: call it for all elements, once each, when the op needs the input's
  /// values no more. Otherwise null.
  const GradientTaker* taker(int i);
  /// Instead of target(i), where the gradients of later uses of input `i` are there already and nobody else
  /// has them: their sum, to which the op adds its own. Otherwise undefined.
  Tensor sum(int i);
  /// The sum of the gradients of later uses of input `i`, which the op reads and must add to what it writes
  /// to target(i): a pass less than adding them afterwards. Undefined if there are none or `i` is a leaf.
  Tensor take(int i);
  /// Delivers a finished tensor as the gradient of input `i`. It is shared, never changed.
  void give(int i, const Tensor& gradient);
  /// The same of what arrived, under another shape, by an op of one input that keeps nothing of it.
  void pass_on(int i, const Tensor& gradient);

 private:
  friend class Tape;
  struct Entry;
  Gradients(Tape& tape, Entry& entry, bool owns) : tape_(tape), entry_(entry), owns_arrived_(owns) {}
  void deliver(int i, const Tensor& gradient, bool owned);
  Tape& tape_;
  Entry& entry_;
  bool owns_arrived_;
};

/// Computes the gradients of an op's inputs from the gradient of its output.
using GradientFunction = std::function<void(const Tensor& output_gradient, Gradients& gradients)>;

/// Records the ops that run while it is alive, and runs their gradients once, in reverse. Only ops that a
/// watched tensor (Tensor::watch) flows into are recorded. Tapes nest; the innermost one records. No tape
/// alive means inference, and nothing is kept.
///
///     Tape tape;
///     Tensor loss = mean(square(subtract(matmul(x, w), y)));
///     tape.backward(loss);   // w's gradient is now in w.leaf()->gradient
class Tape {
 public:
  Tape();
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// The innermost live tape of this thread if the gradient of one of `inputs` is wanted, otherwise null.
  static Tape* recording(std::initializer_list<const Tensor*> inputs);
  static Tape* recording(const std::vector<Tensor>& inputs);
  /// True while any tape of this thread is alive.
  static bool alive();
  /// True while backward() runs the function of a checkpoint() again: what changes with each call (a moving
  /// mean) was changed by the first run, and must not be now.
  static bool computes_again();

  /// Appends an op. The closure must not capture `output` unless it needs its values. A loss that computes
  /// its gradient with its value passes it as `gradient_at_one`: backward(loss) then takes it as the gradient
  /// of inputs[0], with no closure and no multiplication by 1.
  void record(std::string_view operation, const Tensor& output, std::vector<Tensor> inputs,
              GradientFunction gradient, const Tensor& gradient_at_one = {});
  /// The same for a loss that computes the gradients of all its inputs, each into its gradient_memory().
  void record(std::string_view operation, const Tensor& output, std::vector<Tensor> inputs,
              GradientFunction gradient, std::vector<Tensor> gradients_at_one);
  /// Memory for a gradient of `input` that is computed before backward(): a leaf's own if backward() would
  /// write there. Undefined if nobody wants the gradient. What another backward() overwrites in between is
  /// computed again.
  Tensor gradient_memory(const Tensor& input);

  /// Runs the recorded gradients from `loss` (one element) back and empties the tape. The gradient of every
  /// watched tensor that flows into the loss is written over what its Leaf had. One that does not flow into
  /// it keeps what an earlier pass gave it, until an optimizer has used that.
  void backward(const Tensor& loss);
  /// The same from an output of any shape and the gradient that arrives at it.
  void backward(const Tensor& output, const Tensor& output_gradient);
  /// Computes and writes the gradients of these parameters alone (those of another model that took part keep
  /// what they have); of those that do not flow into the loss as well: zero.
  void backward(const Tensor& loss, const ParameterSet& parameters);
  /// The same of `factor` times the loss. `done` is told of each parameter's leaf that flows into it as soon
  /// as its gradient is there.
  using LeafDone = std::function<void(const Leaf& leaf)>;
  void backward(const Tensor& loss, const ParameterSet& parameters, double factor, const LeafDone& done);
  /// The same of these watched tensors.
  void backward(const Tensor& loss, const std::vector<Tensor>& watched);
  /// As backward(loss), but adds to the gradients of former backward passes that no optimizer has used yet: a
  /// batch in several parts.
  void accumulate(const Tensor& loss);

 private:
  friend class Gradients;
  friend std::vector<Tensor> checkpoint(const std::function<std::vector<Tensor>()>& function);
  struct State;

  bool tracks(const Tensor& tensor) const;
  int slot_of(const Tensor& tensor);
  bool still_holds(const Gradients::Entry& entry) const;
  void deliver(int slot, const Tensor& gradient, bool owned);
  void walk_back(const LeafDone& done = {});
  void backward_to(const std::vector<Leaf*>& leaves, const Tensor& loss, double factor = 1,
                   const LeafDone& done = {});
  void start_at_loss(const Tensor& loss, double factor = 1, const LeafDone& done = {});
  void leave(const Gradients::Entry& entry, const LeafDone& done);
  void choose(const std::vector<Leaf*>& leaves);
  bool overwrites(const struct TapeSlot& slot) const;
  void note(const Tensor& output, const std::vector<Tensor>& inputs);
  std::vector<Tensor> run_unrecorded(const std::function<std::vector<Tensor>()>& function);
  void run_again(Gradients::Entry& entry);
  void count_uses(const std::vector<int>& slots, int by);

  std::unique_ptr<State> state_;
  Tape* outer_;
};

/// While one lives, no tape of this thread records.
class Unrecorded {
 public:
  Unrecorded();
  ~Unrecorded();
  Unrecorded(const Unrecorded&) = delete;
  Unrecorded& operator=(const Unrecorded&) = delete;

 private:
  Tape* recorder_;
};

/// function(), of which the tape keeps nothing but what the function itself holds: backward() runs it again
/// when it needs what was computed inside, and frees that before it goes on. Costs the time of the function,
/// saves the memory of what it computes between its inputs (which it captures) and what it returns. It must
/// give the same both times: it may draw from the step's state, and layers with moving statistics change
/// them the first time only (Tape::computes_again()). Nothing that is computed inside may be used outside
/// unless it is returned. Gradients are the same to the bit. Calls may be nested.
///
///     Tensor y = checkpoint([&, x] { return std::vector{block(x)}; })[0];
std::vector<Tensor> checkpoint(const std::function<std::vector<Tensor>()>& function);

}  // namespace manul
