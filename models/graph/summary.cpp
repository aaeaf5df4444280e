#include <algorithm>

#include "manul/models/graph/layer_table.h"
#include "manul/models/graph/model.h"
#include "manul/models/keras/architecture.h"

// The table that tf.keras 2.15 prints (model.summary()), to the character: column positions, line breaks
// inside a cell, and the order of layers of a graph by depth.
namespace manul {
namespace {

std::string shape_text(const Shape& shape) {
  std::string text = "(None";
  for (int64_t length : shape) text += fmt::format(", {}", length);
  return text + (shape.rank() == 0 ? ",)" : ")");
}

std::string bytes_text(int64_t bytes) {
  double size = static_cast<double>(bytes);
  const char* units[] = {"Byte", "KB", "MB", "GB", "TB", "PB"};
  int unit = 0;
  for (; unit < 5 && size >= 1024; ++unit) size /= 1024;
  return fmt::format("{:.2f} {}", size, units[unit]);
}

std::string count_line(const char* what, int64_t count, int64_t bytes) {
  return fmt::format("{} params: {} ({})\n", what, count, bytes_text(bytes));
}

/// Prints cells in columns that end at `positions`, on as many lines as the longest needs.
class Table {
 public:
  explicit Table(std::vector<size_t> positions) : positions_(std::move(positions)) {}

  void row(std::vector<std::string> cells) {
    while (std::any_of(cells.begin(), cells.end(), [](const std::string& cell) { return !cell.empty(); })) {
      std::string line;
      for (size_t column = 0; column < cells.size(); ++column) {
        bool last = column + 1 == positions_.size();
        size_t begin = column == 0 ? 0 : positions_[column - 1], gap = last ? 0 : 2;
        size_t cut = cut_at(cells[column], positions_[column] - begin - gap - (last ? 0 : 1));
        if (column == 0) line += ' ';
        line += cells[column].substr(0, cut) + std::string(gap, ' ');
        cells[column].erase(0, cut);
        if (line.size() < positions_[column]) line.resize(positions_[column], ' ');
      }
      text += line + '\n';
    }
  }
  void rule(char c) { text += std::string(positions_.back(), c) + '\n'; }

  std::string text;

 private:
  /// Where a line of a cell ends: at `width`, or earlier behind the end of an item of a list.
  static size_t cut_at(const std::string& cell, size_t width) {
    std::string head = cell.substr(0, width);
    for (const char* end_of_item : {"),", "},", "],", "',"})
      if (size_t at = head.find(end_of_item); at != std::string::npos) width = std::min(width, at + 2);
    return width;
  }

  std::vector<size_t> positions_;
};

/// A graph as Keras looks at it, layer by layer.
class Listing {
 public:
  explicit Listing(const Graph& graph) : graph_(graph), calls_(graph.layers().size()) {
    for (size_t node = 0; node < graph.nodes().size(); ++node)
      if (graph.nodes()[node].output == 0)
        calls_[graph.nodes()[node].layer].push_back(static_cast<int>(node));
  }

  /// Which calls of its layer a node is.
  int call_index(int node) const {
    const std::vector<int>& calls = calls_[graph_.nodes()[node].layer];
    int first = node - graph_.nodes()[node].output;
    return static_cast<int>(std::find(calls.begin(), calls.end(), first) - calls.begin());
  }

  /// One call of each layer, each with at most one input and alone at its depth.
  bool is_chain() const {
    const std::vector<Graph::Node>& nodes = graph_.nodes();
    std::vector<int> uses(nodes.size());
    for (const Graph::Node& node : nodes) {
      if (node.inputs.size() > 1) return false;
      for (int input : node.inputs)
        if (++uses[input] > 1) return false;
    }
    bool once =
        std::all_of(calls_.begin(), calls_.end(), [](const auto& calls) { return calls.size() == 1; });
    return once && graph_.inputs().size() == 1 && graph_.outputs().size() == 1;
  }

  std::string output_shape(int layer) const {
    std::vector<std::string> shapes;
    for (int node : calls_[layer]) shapes.push_back(shape_of_call(node));
    bool same =
        std::all_of(shapes.begin(), shapes.end(), [&](const auto& shape) { return shape == shapes[0]; });
    if (!same) return "multiple";
    return graph_.layers()[layer]->class_name() == "InputLayer" ? "[" + shapes[0] + "]" : shapes[0];
  }

  /// The layers that feed a layer, with the call and the output where they are not the first.
  std::vector<std::string> inputs(int layer) const {
    std::vector<std::string> names;
    for (int node : calls_[layer])
      for (int input : graph_.nodes()[node].inputs) {
        int call = call_index(input), output = graph_.nodes()[input].output;
        std::string place = call + output > 0 ? fmt::format("[{}][{}]", call, output) : "";
        names.push_back(graph_.layers()[graph_.nodes()[input].layer]->name() + place);
      }
    return names;
  }

  std::string connections(int layer) const {
    std::string text = "[";
    for (int node : calls_[layer])
      for (int input : graph_.nodes()[node].inputs)
        text += fmt::format("{}'{}[{}][{}]'", text.size() > 1 ? ", " : "",
                            graph_.layers()[graph_.nodes()[input].layer]->name(), call_index(input),
                            graph_.nodes()[input].output);
    return text + "]";
  }

 private:
  std::string shape_of_call(int node) const {
    int count = graph_.outputs_of_call(node);
    if (count == 1) return shape_text(graph_.nodes()[node].shape);
    std::string text = "[";
    for (int k = 0; k < count; ++k) text += (k > 0 ? ", " : "") + shape_text(graph_.nodes()[node + k].shape);
    return text + "]";
  }

  const Graph& graph_;
  std::vector<std::vector<int>> calls_;
};

int64_t parameter_count(const Layer& layer) {
  int64_t count = 0;
  for (const Parameter* parameter : layer.parameters()) count += parameter->shape.elements();
  return count;
}

/// The lines of layer_table.
struct LayerRow {
  std::string name, type, shape, count;
  std::vector<std::string> inputs;  // none where it gets what the layer above it makes

  std::string whole() const { return fmt::format("{} ({})", name, type); }
};

std::vector<LayerRow> layer_rows(const Graph& graph) {
  Listing listing(graph);
  std::vector<LayerRow> rows;
  int above = -1;
  for (int index : keras::layer_order(graph)) {
    const Layer& layer = *graph.layers()[index];
    if (graph.is_sequential() && layer.class_name() == "InputLayer") continue;
    std::vector<std::string> inputs = listing.inputs(index);
    bool follows = rows.empty() || (inputs.size() == 1 && inputs[0] == graph.layers()[above]->name());
    rows.push_back({layer.name(), layer.class_name(), listing.output_shape(index),
                    fmt::format("{}", parameter_count(layer)),
                    follows ? std::vector<std::string>() : std::move(inputs)});
    above = index;
  }
  return rows;
}

/// "  from conv2_block1_0_bn, conv2_block1_2_bn", in lines that end before `columns` as far as names allow.
std::string inputs_text(const std::vector<std::string>& inputs, size_t columns) {
  std::string text, line = "    from";
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::string word = inputs[i] + (i + 1 < inputs.size() ? "," : "");
    if (i > 0 && line.size() + 1 + word.size() > columns) {
      text += line + '\n';
      line = "        ";
    }
    line += ' ' + word;
  }
  return inputs.empty() ? "" : text + line + '\n';
}

std::string totals_text(const ParameterSet& parameters, DType dtype) {
  int64_t trained = parameters.trainable_count(), kept = parameters.statistics_count();
  int64_t element = size_of(dtype);
  return count_line("Total", trained + kept, (trained + kept) * element) +
         count_line("Trainable", trained, trained * element) +
         count_line("Non-trainable", kept, kept * element);
}

}  // namespace

std::string Model::summary() const {
  Listing listing(graph_);
  bool sequential = graph_.is_sequential(), chain = sequential || listing.is_chain();
  Table table(chain ? std::vector<size_t>{29, 55, 65} : std::vector<size_t>{29, 58, 68, 98});
  table.text = fmt::format("Model: \"{}\"\n", graph_.name());
  table.rule('_');
  std::vector<std::string> head{"Layer (type)", "Output Shape", "Param #"};
  if (!chain) head.emplace_back("Connected to");
  table.row(head);
  table.rule('=');
  for (int index : keras::layer_order(graph_)) {
    const Layer& layer = *graph_.layers()[index];
    if (sequential && layer.class_name() == "InputLayer") continue;
    std::vector<std::string> cells{fmt::format("{} ({})", layer.name(), layer.class_name()),
                                   listing.output_shape(index), fmt::format("{}", parameter_count(layer))};
    if (!chain) cells.push_back(listing.connections(index));
    table.row(cells);
    table.rule(' ');
  }
  table.rule('=');
  table.text += totals_text(*parameters_, build_options_.dtype);
  table.rule('_');
  return table.text;
}

std::string layer_table(const Model& model, size_t columns) {
  std::vector<LayerRow> rows = layer_rows(model.graph());
  size_t shape = 12, count = 7, name = 12;
  for (const LayerRow& row : rows) {
    shape = std::max(shape, row.shape.size());
    count = std::max(count, row.count.size());
    name = std::max({name, row.name.size(), row.type.size() + 4});
  }
  size_t numbers = shape + count + 4, room = columns > numbers ? columns - numbers : 0;
  for (const LayerRow& row : rows)
    if (row.whole().size() <= room) name = std::max(name, row.whole().size());
  std::string line(name + numbers, '-');
  std::string text = fmt::format("Model: {}\n{:<{}}  {:<{}}  {:>{}}\n{}\n", model.graph().name(),
                                 "Layer (type)", name, "Output shape", shape, "Param #", count, line);
  for (const LayerRow& row : rows) {
    bool fits = row.whole().size() <= name;
    if (!fits) text += row.name + '\n';  // and its type below
    text += fmt::format("{:<{}}  {:<{}}  {:>{}}\n", fits ? row.whole() : fmt::format("  ({})", row.type),
                        name, row.shape, shape, row.count, count);
    text += inputs_text(row.inputs, columns);
  }
  const Tensor& values = model.parameters().values();
  return text + line + '\n' + totals_text(model.parameters(), values.defined() ? values.dtype() : DType::f32);
}

}  // namespace manul
