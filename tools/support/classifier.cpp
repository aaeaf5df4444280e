#include "manul/tools/support/classifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "manul/data/image/image_io.h"
#include "manul/framework/config/json.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/error.h"
#include "manul/models/keras/model_file.h"
#include "manul/models/keras/notes.h"
#include "manul/tools/support/replaced_output.h"
#include "manul/tools/support/train_options.h"

namespace manul {
namespace {

const std::string& name_of_node(const Graph& graph, int node) {
  return graph.layers()[graph.nodes()[node].layer]->name();
}

std::string names_of(const Graph& graph, const std::vector<int>& nodes) {
  std::vector<std::string> names;
  for (int node : nodes) names.push_back(name_of_node(graph, node));
  return fmt::format("{}", fmt::join(names, ", "));
}

/// True if the layer that gives `node` says that its activation is none.
bool gives_logits(const Graph& graph, int node) {
  const Layer& layer = *graph.layers()[graph.nodes()[node].layer];
  Config config = layer.config();
  const Config* activation = config.find("activation");
  return activation &&
         (activation->is_null() || (activation->is_string() && activation->as_string() == "linear"));
}

/// What the program was told that trained the model; nothing if something else made it.
Config options_of_training(const std::string& path) {
  try {
    std::optional<std::string> state = keras::with_model_file(
        path, true, [](hdf5::Reader& file, const auto&) { return file.text("", keras::state_attribute); });
    const Config values = state ? parse_json(*state) : Config();
    const Config* options = options_of_run(values);
    return options ? *options : Config::map();
  } catch (const Error&) {
    return Config::map();  // another format, or damage that did not matter to the model
  }
}

/// Sigmoid of one number, softmax of several.
void logits_to_probabilities(std::vector<float>& logits) {
  if (logits.size() == 1) {
    logits[0] = static_cast<float>(1 / (1 + std::exp(-static_cast<double>(logits[0]))));
    return;
  }
  double largest = *std::max_element(logits.begin(), logits.end()), sum = 0;
  for (float logit : logits) sum += std::exp(logit - largest);
  for (float& logit : logits) logit = static_cast<float>(std::exp(logit - largest) / sum);
}

}  // namespace

Classifier::Classifier(const ClassifierOptions& options, Device device)
    : model_(Model::load(options.model, {.device = device})), from_logits_(options.from_logits) {
  trained_ = options_of_training(options.model);
  task_ = parse_task(trained_.get("--task", ""));
  choose_output(options);
  set_picture(options);
  set_scale(options);
  name_classes(options);
}

void Classifier::choose_output(const ClassifierOptions& options) {
  const Graph& graph = model_.graph();
  const std::vector<int>& outputs = graph.outputs();
  if (options.output.empty() && outputs.size() > 1)
    fail(ErrorKind::usage, "{}: the model has {} outputs, {}; --output-layer says which one is meant",
         options.model, outputs.size(), names_of(graph, outputs));
  if (!options.output.empty()) {
    auto found = std::find_if(outputs.begin(), outputs.end(),
                              [&](int node) { return name_of_node(graph, node) == options.output; });
    if (found == outputs.end())
      fail(ErrorKind::usage, "{}: no output is called {}; there is {}", options.model, options.output,
           names_of(graph, outputs));
    output_ = static_cast<size_t>(found - outputs.begin());
  }
  int node = outputs[output_];
  const Shape& shape = graph.nodes()[node].shape;
  if (shape.rank() != 1 || shape.elements() == 0)
    fail(ErrorKind::model_file, "{}: gives {}, not one number a class", options.model, shape);
  Graph flat = graph.flat();
  if (task_ != Task::regress && gives_logits(flat, flat.outputs()[output_]) && !from_logits_)
    fail(ErrorKind::usage,
         "{}: the last layer, {}, has no activation, so that its outputs are no probabilities; --from-logits "
         "says that "
         "they are logits",
         options.model, name_of_node(graph, node));
}

void Classifier::set_picture(const ClassifierOptions& options) {
  const Graph& graph = model_.graph();
  if (graph.inputs().size() != 1)
    fail(ErrorKind::model_file, "{}: a model with {} inputs is not a classifier of pictures", options.model,
         graph.inputs().size());
  const Shape& input = graph.nodes()[graph.inputs()[0]].shape;
  if (input.rank() != 3 || input.elements() == 0 || (input[2] != 1 && input[2] != 3 && input[2] != 4))
    fail(ErrorKind::model_file, "{}: takes {}, which is not a picture [height, width, 1, 3 or 4]",
         options.model, input);
  if (input[1] > most_pixels / input[0])
    fail(ErrorKind::model_file, "{}: takes pictures of {}x{} pixels, more than the {} that are read",
         options.model, input[1], input[0], most_pixels);
  picture_ = {.height = static_cast<int>(input[0]),
              .width = static_cast<int>(input[1]),
              .color_mode = input[2] == 1   ? ColorMode::grayscale
                            : input[2] == 3 ? ColorMode::rgb
                                            : ColorMode::rgba};
  picture_.keep_aspect_ratio = options.keep_aspect || trained_.get("--keep-aspect", "false") == "true";
  picture_.exif_orientation =
      options.exif_orientation || trained_.get("--exif-orientation", "false") == "true";
  picture_.tolerant = options.tolerant;
  const std::string& known = model_.preprocessing.interpolation;
  if (!options.interpolation.empty())
    picture_.interpolation = parse_interpolation(options.interpolation);
  else if (!known.empty())
    picture_.interpolation = parse_interpolation(known);
}

void Classifier::set_scale(const ClassifierOptions& options) {
  double known = model_.preprocessing.rescale;
  scale_.scale = known != 0 ? known : scales_pixels(model_.graph().flat()) ? 1 : 1.0 / 255;
  if (options.rescale) scale_.scale = *options.rescale;
  scale_.offset = options.offset.value_or(0);
}

/// Without names cat and dog for one output, as in the article, and numbers for several.
void Classifier::name_classes(const ClassifierOptions& options) {
  const Graph& graph = model_.graph();
  int64_t outputs = graph.nodes()[graph.outputs()[output_]].shape[0];
  bool two_of_one = outputs == 1 && task_ == Task::classify;
  size_t classes = two_of_one ? 2 : static_cast<size_t>(outputs);
  const std::vector<std::string>& known = model_.preprocessing.class_names;
  class_names_ = options.class_names.empty() ? known : options.class_names;
  if (!options.class_names.empty() && options.class_names.size() != classes)
    fail(ErrorKind::usage, "{}: the model has {} classes, --classes names {}", options.model, classes,
         options.class_names.size());
  knows_class_names_ = class_names_.size() == classes;
  if (knows_class_names_) return;
  if (!known.empty() && graph.outputs().size() == 1)
    fail(ErrorKind::model_file, "{}: has {} classes, and names {}; --classes names them", options.model,
         classes, known.size());
  class_names_ = {"cat", "dog"};
  if (two_of_one) return;
  class_names_.clear();
  const char* what = task_ == Task::classify ? "class" : task_ == Task::multilabel ? "label" : "number";
  for (size_t i = 0; i < classes; ++i) class_names_.push_back(fmt::format("{} {}", what, i));
}

std::vector<float> Classifier::outputs_for(const Tensor& x) {
  if (model_.graph().outputs().size() == 1) return model_.predict(x).to_vector<float>();
  return model_.predict_all(x)[output_].to_vector<float>();
}

std::vector<float> Classifier::to_probabilities(std::span<const float> outputs) const {
  std::vector<float> p(outputs.begin(), outputs.end());
  if (task_ == Task::regress) return p;
  if (from_logits_ && task_ == Task::multilabel)
    for (float& logit : p) logit = 1 / (1 + std::exp(-logit));
  else if (from_logits_)
    logits_to_probabilities(p);
  for (float value : p)
    if (!(value >= 0 && value <= 1))
      fail(ErrorKind::model_file,
           "the model gives {}, which is not a probability: its last layer must be a sigmoid or a softmax, "
           "unless --from-logits says that it gives logits",
           value);
  if (p.size() == 1 && task_ == Task::classify) return {1 - p[0], p[0]};
  return p;
}

std::vector<float> Classifier::probabilities(const std::string& file, std::string& warning) {
  Image image = load_image(file, picture_);
  std::vector<float> outputs = outputs_for(to_tensor(image, scale_));
  warning = std::move(image.warning);
  return to_probabilities(outputs);
}

ExplainedPicture Classifier::explain(const PictureFile& file, size_t answer, int side) const {
  return explain_picture({model_, output_, task_, picture_, scale_}, file, answer, side);
}

std::vector<Answer> Classifier::answers(std::span<const PictureFile> files) {
  auto count = static_cast<int64_t>(files.size());
  Shape sample{picture_.height, picture_.width, channels_of(picture_.color_mode)};
  Tensor inputs = Tensor::zeros(sample.batch_of(count));
  auto* values = inputs.mutable_data<float>();
  std::vector<Answer> answers(files.size());
  cpu::parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Answer& answer = answers[static_cast<size_t>(i)];
      try {
        Image image = load_image(files[static_cast<size_t>(i)], picture_);
        write_values_of(image, values + i * sample.elements(), sample, scale_);
        answer.warning = std::move(image.warning);
      } catch (const Error& error) {
        answer.problem = error.what();
      }
    }
  });
  std::vector<float> outputs = outputs_for(inputs);
  size_t each = outputs.size() / files.size();
  for (size_t i = 0; i < answers.size(); ++i)
    if (answers[i].problem.empty())
      answers[i].probabilities = to_probabilities(std::span(outputs).subspan(i * each, each));
  return answers;
}

}  // namespace manul
