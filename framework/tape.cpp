#include "manul/framework/tape.h"

#include <atomic>
#include <utility>

#include "manul/framework/elementary.h"
#include "manul/framework/error.h"
#include "manul/framework/parameter.h"

namespace manul {
namespace {

thread_local Tape* innermost = nullptr;
thread_local bool runs_again = false;
/// The place of what is computed inside a checkpoint, of which nothing is kept.
constexpr int unrecorded = -2;
std::atomic<uint64_t> next_serial{1};

}  // namespace

/// What is to be known of an op's input. Not its values: what a gradient needs of them its closure keeps.
struct TapeInput {
  Shape shape;
  DType dtype = DType::f32;
  Device device;
  std::shared_ptr<Leaf> leaf;  // of a slot; kept alive

  explicit TapeInput(const Tensor& tensor, std::shared_ptr<Leaf> leaf) : leaf(std::move(leaf)) {
    if (!tensor.defined()) return;
    shape = tensor.shape(), dtype = tensor.dtype(), device = tensor.device();
  }
};

/// One recorded op; inputs that are not tracked have slot -1.
struct Gradients::Entry {
  std::string_view operation;
  int output_slot;
  std::vector<TapeInput> inputs;
  std::vector<int> input_slots;
  std::vector<Tensor> targets;
  GradientFunction gradient;
  std::vector<Tensor> gradients_at_one;  // by input, those of a loss that has computed them; or empty
  std::vector<uint64_t> leaf_writes;     // by input, when it was recorded
  /// Of a checkpoint: what it runs again, where its outputs lie (-1: it did not compute that one), and the
  /// leaves that it used, once for each use.
  std::function<std::vector<Tensor>()> function = {};
  std::vector<int> output_slots = {}, used_leaves = {};
};

/// The gradient collected so far for one tracked tensor.
struct TapeSlot {
  Tensor gradient;
  bool owned = false;    // may be added to in place
  Leaf* leaf = nullptr;  // kept alive by the recorded inputs
  int uses = 0;          // as an input
  int left = 0;          // uses that the pass has not come to
  bool wanted = true;    // in the pass that runs
  bool written = false;  // the leaf's gradient, by this pass
};

struct Tape::State {
  uint64_t serial = next_serial++;
  std::vector<Gradients::Entry> entries;
  std::vector<TapeSlot> slots;
  bool adds = false;                         // the pass that runs adds to what leaves have
  bool has_chosen = false;                   // the pass that runs wants certain leaves' gradients alone
  std::vector<int>* noted_leaves = nullptr;  // while a checkpoint runs for the first time: those it uses
};

Tape::Tape() : state_(std::make_unique<State>()), outer_(innermost) {
  innermost = this;
}
Tape::~Tape() {
  innermost = outer_;
}

Unrecorded::Unrecorded() : recorder_(innermost) {
  innermost = nullptr;
}
Unrecorded::~Unrecorded() {
  innermost = recorder_;
}

bool Tape::alive() {
  return innermost != nullptr;
}

bool Tape::computes_again() {
  return runs_again;
}

bool Tape::tracks(const Tensor& tensor) const {
  return tensor.defined() && (tensor.leaf() || tensor.body_->tape == state_->serial);
}

Tape* Tape::recording(std::initializer_list<const Tensor*> inputs) {
  if (!innermost) return nullptr;
  for (const Tensor* input : inputs)
    if (innermost->tracks(*input)) return innermost;
  return nullptr;
}

Tape* Tape::recording(const std::vector<Tensor>& inputs) {
  if (!innermost) return nullptr;
  for (const Tensor& input : inputs)
    if (innermost->tracks(input)) return innermost;
  return nullptr;
}

int Tape::slot_of(const Tensor& tensor) {
  Tensor::Body& body = *tensor.body_;
  if (body.tape == state_->serial) {
    check(body.slot != unrecorded || state_->noted_leaves,
          "tape: a tensor {} that was computed inside a checkpoint is used outside: return it", body.shape);
    return body.slot;
  }
  // An inner tape, which is younger, may have noted its own place in a leaf that has one here.
  size_t place = state_->slots.size();
  if (body.leaf && body.tape > state_->serial)
    for (size_t i = 0; i < state_->slots.size(); ++i)
      if (state_->slots[i].leaf == body.leaf.get()) place = i;
  if (place == state_->slots.size()) {
    TapeSlot& slot = state_->slots.emplace_back();
    slot.leaf = body.leaf.get();
    // In a pass that has begun: what it asks for, or what leads there.
    if (state_->has_chosen) slot.wanted = slot.leaf && slot.leaf->asked_by == state_->serial;
  }
  body.tape = state_->serial;
  body.slot = static_cast<int>(place);
  return body.slot;
}

void Tape::record(std::string_view operation, const Tensor& output, std::vector<Tensor> inputs,
                  GradientFunction gradient, const Tensor& gradient_at_one) {
  std::vector<Tensor> at_one;
  if (gradient_at_one.defined()) at_one = {gradient_at_one};
  record(operation, output, std::move(inputs), std::move(gradient), std::move(at_one));
}

void Tape::record(std::string_view operation, const Tensor& output, std::vector<Tensor> inputs,
                  GradientFunction gradient, std::vector<Tensor> gradients_at_one) {
  if (state_->noted_leaves) return note(output, inputs);
  Gradients::Entry entry{operation, 0, {}, {}, {}, std::move(gradient), std::move(gradients_at_one), {}};
  for (const Tensor& input : inputs) {
    entry.inputs.emplace_back(input, input.defined() ? input.body_->leaf : nullptr);
    entry.input_slots.push_back(tracks(input) ? slot_of(input) : -1);
    if (entry.input_slots.back() >= 0) {
      ++state_->slots[entry.input_slots.back()].uses;
      ++state_->slots[entry.input_slots.back()].left;
    }
    entry.leaf_writes.push_back(input.defined() && input.leaf() ? input.leaf()->writes : 0);
  }
  entry.targets.resize(entry.inputs.size());
  entry.output_slot = slot_of(output);
  if (state_->has_chosen)
    for (int input : entry.input_slots)
      if (input >= 0 && state_->slots[input].wanted) state_->slots[entry.output_slot].wanted = true;
  state_->entries.push_back(std::move(entry));
}

/// In place of recording an op inside a checkpoint.
void Tape::note(const Tensor& output, const std::vector<Tensor>& inputs) {
  for (const Tensor& input : inputs)
    if (input.defined() && input.leaf()) state_->noted_leaves->push_back(slot_of(input));
  output.body_->tape = state_->serial;
  output.body_->slot = unrecorded;
}

void Tape::count_uses(const std::vector<int>& slots, int by) {
  for (int slot : slots) state_->slots[slot].uses += by;
}

std::vector<Tensor> checkpoint(const std::function<std::vector<Tensor>()>& function) {
  // Inside another one: what counts is recorded when that one runs again.
  return innermost && !innermost->state_->noted_leaves ? innermost->run_unrecorded(function) : function();
}

std::vector<Tensor> Tape::run_unrecorded(const std::function<std::vector<Tensor>()>& function) {
  Gradients::Entry entry{"checkpoint", 0, {}, {}, {}, {}, {}, {}, function, {}, {}};
  std::vector<Tensor> outputs;
  {
    struct Notes {
      State& state;
      ~Notes() { state.noted_leaves = nullptr; }
    } notes{*state_};
    state_->noted_leaves = &entry.used_leaves;
    outputs = function();
  }
  bool computed = false;
  for (const Tensor& output : outputs) {
    Tensor::Body* body = output.body_.get();
    entry.output_slots.push_back(-1);
    if (!body || body->tape != state_->serial || body->slot != unrecorded) continue;
    body->tape = 0;
    entry.output_slots.back() = slot_of(output);
    computed = true;
  }
  if (!computed) return outputs;
  count_uses(entry.used_leaves, 1);
  for (int slot : entry.output_slots)  // which of its leaves are wanted is seen when it runs again
    if (slot >= 0) state_->slots[slot].wanted = true;
  state_->entries.push_back(std::move(entry));
  return outputs;
}

/// Records what a checkpoint computes, for the gradients that have arrived at its outputs.
void Tape::run_again(Gradients::Entry& entry) {
  std::vector<TapeSlot> arrived;
  bool any = false;
  for (int slot : entry.output_slots) {
    arrived.push_back(slot >= 0 ? std::exchange(state_->slots[slot], {}) : TapeSlot{});
    any |= arrived.back().gradient.defined();
  }
  count_uses(entry.used_leaves, -1);
  if (!any) return;
  std::vector<Tensor> outputs;
  {
    struct Again {
      bool before = std::exchange(runs_again, true);
      ~Again() {
        runs_again = before;
        innermost = nullptr;
      }
    } again;
    innermost = this;
    outputs = entry.function();
  }
  check(outputs.size() == arrived.size(), "checkpoint: its function gave {} tensors, and {} the second time",
        arrived.size(), outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!arrived[i].gradient.defined()) continue;
    check(tracks(outputs[i]) && outputs[i].shape() == arrived[i].gradient.shape(),
          "checkpoint: its function gave something else the second time");
    deliver(slot_of(outputs[i]), arrived[i].gradient, arrived[i].owned);
  }
}

Tensor Tape::gradient_memory(const Tensor& input) {
  if (!tracks(input) || state_->noted_leaves || runs_again) return {};
  return input.leaf() && !input.leaf()->fresh ? input.leaf()->gradient : Tensor::empty_like(input);
}

/// True if the gradients that a loss computed with its value are still what they were.
bool Tape::still_holds(const Gradients::Entry& entry) const {
  if (entry.gradients_at_one.empty()) return false;
  for (size_t i = 0; i < entry.gradients_at_one.size(); ++i) {
    const Leaf* leaf = entry.input_slots[i] >= 0 ? state_->slots[entry.input_slots[i]].leaf : nullptr;
    if (leaf && leaf->writes != entry.leaf_writes[i]) return false;
  }
  return true;
}

/// True if the next gradient for this leaf takes the place of what is there.
bool Tape::overwrites(const TapeSlot& slot) const {
  return !slot.written && !(state_->adds && slot.leaf->fresh);
}

void Tape::deliver(int index, const Tensor& gradient, bool owned) {
  TapeSlot& slot = state_->slots[index];
  if (!slot.wanted) return;
  if (slot.leaf) {
    ++slot.leaf->writes;
    if (!overwrites(slot))
      accumulate_kernel(gradient, slot.leaf->gradient);
    else if (gradient.raw() != slot.leaf->gradient.raw())
      slot.leaf->gradient.copy_from(gradient);
    slot.leaf->fresh = slot.written = true;
    return;
  }
  if (!slot.gradient.defined()) {
    slot.gradient = gradient;
    slot.owned = owned;
    return;
  }
  Tensor added = gradient;
  if (!slot.owned && owned)
    std::swap(slot.gradient, added);
  else if (!slot.owned)
    slot.gradient = slot.gradient.clone();
  slot.owned = true;
  accumulate_kernel(added, slot.gradient);
}

void Tape::backward(const Tensor& loss) {
  start_at_loss(loss);
  walk_back();
}

void Tape::accumulate(const Tensor& loss) {
  state_->adds = true;
  start_at_loss(loss);
  walk_back();
}

void Tape::backward(const Tensor& loss, const ParameterSet& parameters) {
  backward(loss, parameters, 1, {});
}

void Tape::backward(const Tensor& loss, const ParameterSet& parameters, double factor, const LeafDone& done) {
  std::vector<Leaf*> leaves;
  for (const Parameter& parameter : parameters.all())
    if (Leaf* leaf = parameter.value.leaf()) leaves.push_back(leaf);
  backward_to(leaves, loss, factor, done);
}

/// The pass needs this entry no more.
void Tape::leave(const Gradients::Entry& entry, const LeafDone& done) {
  if (!done) return;
  for (int input : entry.input_slots) {
    if (input < 0) continue;
    TapeSlot& slot = state_->slots[input];
    if (--slot.left == 0 && slot.leaf && slot.written) done(*slot.leaf);
  }
}

void Tape::backward(const Tensor& loss, const std::vector<Tensor>& watched) {
  std::vector<Leaf*> leaves;
  for (const Tensor& tensor : watched) {
    check(tensor.leaf() != nullptr, "backward: a gradient is asked for of a tensor that nobody watches");
    leaves.push_back(tensor.leaf());
  }
  backward_to(leaves, loss);
}

void Tape::backward_to(const std::vector<Leaf*>& leaves, const Tensor& loss, double factor,
                       const LeafDone& done) {
  choose(leaves);
  start_at_loss(loss, factor, done);
  walk_back(done);
  for (Leaf* leaf : leaves) {
    if (leaf->fresh || leaf->taken) continue;
    leaf->gradient.fill_zero();
    leaf->fresh = true;
  }
}

/// Leaves all gradients out that do not lead to one of `leaves`.
void Tape::choose(const std::vector<Leaf*>& leaves) {
  for (Leaf* leaf : leaves) leaf->asked_by = state_->serial;
  for (TapeSlot& slot : state_->slots) slot.wanted = slot.leaf && slot.leaf->asked_by == state_->serial;
  state_->has_chosen = true;
  for (const Gradients::Entry& entry : state_->entries) {
    for (int output : entry.output_slots)
      if (output >= 0) state_->slots[output].wanted = true;
    for (int input : entry.input_slots)
      if (input >= 0 && state_->slots[input].wanted) state_->slots[entry.output_slot].wanted = true;
  }
  for (Leaf* leaf : leaves) leaf->fresh = false;
}

/// Delivers the gradient of the loss by itself.
void Tape::start_at_loss(const Tensor& loss, double factor, const LeafDone& done) {
  check(loss.elements() == 1, "backward: the loss must be one number, not {}", loss.shape());
  check(tracks(loss), "backward: no watched tensor flows into this output");
  auto& entries = state_->entries;
  if (factor == 1 && !entries.empty() && entries.back().output_slot == slot_of(loss) &&
      still_holds(entries.back())) {
    Gradients::Entry entry = std::move(entries.back());
    entries.pop_back();
    for (size_t i = 0; i < entry.gradients_at_one.size(); ++i)
      if (entry.gradients_at_one[i].defined())
        deliver(entry.input_slots[i], entry.gradients_at_one[i], false);
    return leave(entry, done);
  }
  deliver(slot_of(loss), Tensor::full(loss.shape(), factor, loss.dtype(), loss.device()), false);
}

void Tape::backward(const Tensor& output, const Tensor& output_gradient) {
  check(tracks(output), "backward: no watched tensor flows into this output");
  check(output.shape() == output_gradient.shape(), "backward: gradient {} does not fit output {}",
        output_gradient.shape(), output.shape());
  deliver(slot_of(output), output_gradient, false);
  walk_back();
}

void Tape::walk_back(const LeafDone& done) {
  // The gradients are ops themselves: they must not be recorded.
  Tape* recorder = innermost;
  innermost = nullptr;
  struct Restore {
    Tape* recorder;
    ~Restore() { innermost = recorder; }
  } restore{recorder};
  while (!state_->entries.empty()) {
    Gradients::Entry entry = std::move(state_->entries.back());
    state_->entries.pop_back();
    if (entry.function) {
      run_again(entry);
      continue;
    }
    TapeSlot& output = state_->slots[entry.output_slot];
    Tensor arrived = std::exchange(output.gradient, {});
    if (arrived.defined() && output.wanted) {
      Gradients gradients(*this, entry, output.owned);
      entry.gradient(arrived, gradients);
      for (size_t i = 0; i < entry.targets.size(); ++i)
        if (entry.targets[i].defined()) deliver(entry.input_slots[i], entry.targets[i], true);
    }
    leave(entry, done);
  }
  state_ = std::make_unique<State>();
}

bool Gradients::needed(int i) const {
  return entry_.input_slots[i] >= 0 && tape_.state_->slots[entry_.input_slots[i]].wanted;
}

Tensor Gradients::target(int i) {
  const TapeSlot& slot = tape_.state_->slots[entry_.input_slots[i]];
  const TapeInput& input = entry_.inputs[i];
  bool write_in_place = slot.leaf && slot.wanted && tape_.overwrites(slot);
  for (int j = 0; j < static_cast<int>(entry_.inputs.size()); ++j)  // the same leaf twice: f(w, w)
    if (j != i && entry_.input_slots[j] == entry_.input_slots[i]) write_in_place = false;
  entry_.targets[i] =
      write_in_place ? slot.leaf->gradient : Tensor::empty(input.shape, input.dtype, input.device);
  return entry_.targets[i];
}

Tensor Gradients::target_in_place(int i, const Tensor& output_gradient) {
  const TapeInput& input = entry_.inputs[i];
  const bool fits = owns_arrived_ && input.device.is_cpu() &&
                    !tape_.state_->slots[entry_.input_slots[i]].leaf &&
                    output_gradient.shape() == input.shape && output_gradient.dtype() == input.dtype;
  if (!fits) return target(i);
  entry_.targets[i] = output_gradient;
  return output_gradient;
}

Tensor Gradients::on_the_way(const Tensor& output_gradient) const {
  return owns_arrived_ ? output_gradient : Tensor::empty_like(output_gradient);
}

Tensor Gradients::sum(int i) {
  const TapeSlot& slot = tape_.state_->slots[entry_.input_slots[i]];
  return slot.wanted && slot.owned && !slot.leaf ? slot.gradient : Tensor();
}

const GradientTaker* Gradients::taker(int i) {
  if (!needed(i)) return nullptr;
  const TapeSlot& slot = tape_.state_->slots[entry_.input_slots[i]];
  if (!slot.leaf || !slot.leaf->taker || !tape_.overwrites(slot) || slot.uses != 1) return nullptr;
  slot.leaf->taken = true;
  return &slot.leaf->taker;
}

Tensor Gradients::take(int i) {
  TapeSlot& slot = tape_.state_->slots[entry_.input_slots[i]];
  return slot.leaf ? Tensor() : std::exchange(slot.gradient, {});
}

void Gradients::give(int i, const Tensor& gradient) {
  deliver(i, gradient, false);
}

void Gradients::pass_on(int i, const Tensor& gradient) {
  deliver(i, gradient, owns_arrived_);
}

void Gradients::deliver(int i, const Tensor& gradient, bool owned) {
  check(gradient.shape() == entry_.inputs[i].shape, "{}: gradient {} does not fit input {} of shape {}",
        entry_.operation, gradient.shape(), i, entry_.inputs[i].shape);
  tape_.deliver(entry_.input_slots[i], gradient, owned);
}

}  // namespace manul
