#include "manul/tools/support/trained_network.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "manul/framework/error.h"
#include "manul/framework/file.h"
#include "manul/framework/file_system.h"
#include "manul/models/keras/h5.h"
#include "manul/models/zoo/catdog.h"
#include "manul/models/zoo/zoo.h"
#include "manul/ops/optimizers/optimizer_table.h"
#include "manul/ops/schedules/schedules.h"
#include "manul/tools/support/freeze.h"
#include "manul/tools/support/replaced_output.h"

namespace manul {
namespace {

/// What the last layer is, and what it is trained towards.
struct Output {
  int64_t units;
  Activation activation;
  OutputLoss loss;
};

Output output_for(const TrainOptions& options, size_t names) {
  auto units = static_cast<int64_t>(names);
  auto loss = [&](const char* otherwise) { return options.loss.empty() ? otherwise : options.loss; };
  switch (task_of(options)) {
    case Task::multilabel:
      return {units, Activation::sigmoid, loss("binary_crossentropy")};
    case Task::regress:
      return {units, Activation::linear, loss("mean_squared_error")};
    case Task::classify:
      break;
  }
  if (!options.loss.empty())
    fail(ErrorKind::usage, "loss: classes are trained by crossentropy; --loss is for multilabel and regress");
  if (names == 2) return {1, Activation::sigmoid, Loss::binary_crossentropy};
  return {units, Activation::softmax, Loss::sparse_categorical_crossentropy};
}

Model article_network(const TrainOptions& options, int64_t classes) {
  if (int64_t smallest = 3 + options.stride;
      options.size < smallest)  // two windows of three pixels, to be pooled
    fail(ErrorKind::usage, "size: {} pixels are too few for a stride of {}, at least {} are needed",
         options.size, options.stride, smallest);
  Model model = catdog_network({.size = options.size,
                                .classes = classes,
                                .strides = options.stride,
                                .channels = options.gray ? 1 : 3});
  model.preprocessing.rescale = 1.0 / 255;
  return model;
}

/// A ready-made network, which does its preprocessing itself.
Model ready_made_network(TrainOptions& options, const Output& output, bool for_imagenet_weights) {
  try {
    const Network& network = find_network(options.model);
    if (options.size == 0) options.size = network.side();
    options.gray = options.gray || network.input_shape[2] == 1;
    Model model = network.build({.input_shape = {options.size, options.size, options.gray ? 1 : 3},
                                 .classes = output.units,
                                 .classifier_activation = output.activation,
                                 .include_preprocessing = true,
                                 .for_imagenet_weights = for_imagenet_weights});
    model.preprocessing.rescale = 1;
    return model;
  } catch (const Error& error) {
    fail(ErrorKind::usage, "model: {}", error.what());
  }
}

bool names_a_file(const std::string& name) {
  constexpr std::string_view endings[] = {".json", ".h5", ".hdf5", ".keras"};
  return is_file(name) || std::any_of(std::begin(endings), std::end(endings),
                                      [&](std::string_view ending) { return name.ends_with(ending); });
}

/// The network of a file, with new weights.
Model read_network(const std::string& path) {
  if (path.ends_with(".json")) {
    std::vector<uint8_t> text = InputFile(path, ErrorKind::model_file).read_all(int64_t{1} << 26);
    try {
      return model_from_json({text.begin(), text.end()});
    } catch (const Error& error) {
      fail(ErrorKind::model_file, "{}: {}", path, error.what());
    }
  }
  Model trained = Model::load(path);
  Model model = model_from_json(to_json(trained));
  model.preprocessing = trained.preprocessing;
  return model;
}

Model network_of_file(const std::string& path, TrainOptions& options, const Output& output) {
  Model read = read_network(path);
  const Graph& graph = read.graph();
  const Shape& input = graph.nodes()[graph.inputs()[0]].shape;
  if (graph.inputs().size() != 1 || input.rank() != 3 || input.elements() == 0 ||
      (input[2] != 1 && input[2] != 3))
    fail(ErrorKind::usage, "model: {} takes {}, which is not one picture [height, width, 1 or 3]", path,
         input);
  if (options.size != 0 && (options.size != input[0] || options.size != input[1]))
    fail(ErrorKind::usage, "model: {} takes pictures of {}x{} pixels, --size {} is another", path, input[0],
         input[1], options.size);
  if (options.gray && input[2] == 3)
    fail(ErrorKind::usage, "model: {} takes pictures in colour, --gray does not fit", path);
  options.size = input[0];
  options.gray = input[2] == 1;
  Model model = with_output(read, output.units, output.activation);
  double known = read.preprocessing.rescale;
  model.preprocessing.rescale = known != 0 ? known : scales_pixels(model.graph().flat()) ? 1 : 1.0 / 255;
  return model;
}

/// "a, b, c and 4 more"
std::string some_of(const std::vector<std::string>& names) {
  constexpr size_t most = 5;
  std::vector<std::string> shown(names.begin(), names.begin() + std::min(most, names.size()));
  std::string text = fmt::format("{}", fmt::join(shown, ", "));
  if (names.size() > most) text += fmt::format(" and {} more", names.size() - most);
  return text;
}

std::vector<Tensor> copied_values(const Model& model) {
  std::vector<Tensor> values;
  for (const ParameterPtr& parameter : model.parameters().pointers())
    values.push_back(parameter->value.clone());
  return values;
}

void put_back(Model& model, const std::vector<Tensor>& values) {
  for (size_t i = 0; i < values.size(); ++i) model.parameters().pointers()[i]->value.copy_from(values[i]);
}

/// By name where the names are those of the network. Where both sides have layers that the other lacks (a
/// file of tf.keras' MobileNetV3, whose layers are called otherwise there), in order if that fits more of
/// them.
LoadedWeights load_what_fits(Model& model, const std::string& path) {
  bool has_names = !path.ends_with(".weights.h5");
  LoadedWeights by_name, in_order;
  if (has_names) {
    by_name = load_weights(model, path, {.by_name = true, .skip_mismatch = true});
    bool has_its_names = by_name.not_in_file.empty() || by_name.not_in_model.empty();
    if (!by_name.loaded.empty() && has_its_names) return by_name;
  }
  std::vector<Tensor> named = copied_values(model);
  std::string reason;
  try {
    in_order = load_weights(model, path, {.skip_mismatch = true});
  } catch (const Error& error) {
    reason = fmt::format(" ({})", error.what());
  }
  if (in_order.loaded.size() > by_name.loaded.size()) return in_order;
  put_back(model, named);
  if (by_name.loaded.empty())
    fail(ErrorKind::model_file, "weights: {}: none of its layers fits the network, {}in order{}", path,
         has_names ? "neither by name nor " : "", reason);
  return by_name;
}

std::string weights_text(const std::string& path, const LoadedWeights& found) {
  std::vector<std::string> left = found.other_shapes;
  left.insert(left.end(), found.not_in_file.begin(), found.not_in_file.end());
  std::string text = fmt::format("Weights of {}: {} of {} layers, {}", path, found.loaded.size(),
                                 found.loaded.size() + left.size(), found.by_name ? "by name" : "in order");
  if (!found.other_shapes.empty()) text += "; of other shapes there: " + some_of(found.other_shapes);
  if (!found.not_in_file.empty()) text += "; not there: " + some_of(found.not_in_file);
  if (!found.not_in_model.empty()) text += "; of no use here: " + some_of(found.not_in_model);
  return text;
}

std::unique_ptr<Optimizer> new_optimizer(TrainOptions& options, int64_t steps) {
  if (options.learning_rate == 0)
    options.learning_rate = make_optimizer(options.optimizer)->initial_learning_rate();
  Config rate = options.learning_rate;
  if (options.schedule == "cosine")
    rate = object_of(CosineDecay{.initial_learning_rate = options.learning_rate,
                                 .decay_steps = options.epochs * std::max<int64_t>(1, steps)});
  return make_optimizer(options.optimizer, Config::map({{"learning_rate", rate}}));
}

}  // namespace

NewNetwork new_network(TrainCommand& command, const std::vector<std::string>& names, int64_t steps,
                       Device device) {
  TrainOptions& options = command.options;
  Output output = output_for(options, names.size());
  bool is_file = !command.is_catdog() && names_a_file(options.model);
  bool is_ready_made = !command.is_catdog() && !is_file;
  auto compiled = [&](bool for_imagenet_weights) {
    Model model = command.is_catdog() ? article_network(options, static_cast<int64_t>(names.size()))
                  : is_file           ? network_of_file(options.model, options, output)
                                      : ready_made_network(options, output, for_imagenet_weights);
    if (options.synchronized) model.synchronize_normalizations();
    if (!options.freeze.empty()) freeze_layers(model, options.freeze);
    CompileOptions how{.device = device, .seed = options.seed};
    if (options.bf16) how.dtype_policy = DTypePolicy::mixed_bfloat16;
    model.compile(new_optimizer(options, steps), output.loss, {Metric(metric_of(task_of(options)))}, how);
    return model;
  };
  NewNetwork made{compiled(false), {}};
  Model& model = made.model;
  if (is_file && options.weights.empty() && !options.model.ends_with(".json"))
    made.remarks.push_back(
        fmt::format("The network is that of {0}, with new weights; --weights {0} takes those "
                    "that it has",
                    options.model));
  if (!options.weights.empty()) {
    LoadedWeights found = load_what_fits(model, options.weights);
    if (is_ready_made && find_network(options.model).wants_imagenet_layer(model)) {
      model = compiled(true);
      found = load_what_fits(model, options.weights);
      made.remarks.push_back(
          "The network scales its pixels once more, as Keras has it for weights of ImageNet");
    }
    made.remarks.push_back(weights_text(options.weights, found));
  }
  model.preprocessing.class_names = names;
  model.preprocessing.interpolation = options.interpolation;
  return made;
}

}  // namespace manul
