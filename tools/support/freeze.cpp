#include "manul/tools/support/freeze.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "manul/framework/error.h"
#include "manul/models/keras/architecture.h"
#include "manul/tools/support/near_names.h"

namespace manul {
namespace {

/// Places [first, end) of the layers that a name stands for.
struct LayerRange {
  size_t first, end;
};

/// The layers in the order of the summary, those of nested models in their place, and what names stand for.
struct NamedLayers {
  std::vector<LayerPtr> layers;
  std::map<std::string, LayerRange> places;

  explicit NamedLayers(const Graph& graph) { add(keras::saved_layers(graph)); }

  LayerRange find(const std::string& name) const {
    auto found = places.find(name);
    if (found != places.end()) return found->second;
    std::vector<std::string> names, near;
    for (const auto& [known, place] : places) names.push_back(known);
    near = near_names(name, names, 4, 3);
    std::vector<std::string> shown = near.empty() && names.size() <= 20 ? names : near;
    if (shown.empty())
      fail(ErrorKind::usage, "freeze: no layer is called {}; the summary has the names", name);
    fail(ErrorKind::usage, "freeze: no layer is called {}; {} {}", name,
         near.empty() ? "there are" : "is this meant:", fmt::join(shown, ", "));
  }

 private:
  void add(const std::vector<keras::SavedLayer>& entries) {
    for (const keras::SavedLayer& entry : entries) {
      size_t first = layers.size();
      if (entry.parts.empty())
        layers.insert(layers.end(), entry.layers.begin(), entry.layers.end());
      else
        add(entry.parts);
      places.emplace(entry.name, LayerRange{first, layers.size()});
    }
  }
};

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find(',', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

}  // namespace

void freeze_layers(const Model& model, const std::string& which) {
  NamedLayers named(model.graph());
  const std::vector<LayerPtr>& layers = named.layers;
  auto has_weights = [](const LayerPtr& layer) { return !layer->parameters().empty(); };
  auto freeze = [&](LayerRange places) {
    for (size_t i = places.first; i < places.end; ++i) layers[i]->set_trainable(false);
  };
  constexpr std::string_view until = "until=";
  if (which == "all-but-last") {
    auto last = std::find_if(layers.rbegin(), layers.rend(), has_weights);
    freeze({0, last == layers.rend() ? 0 : static_cast<size_t>(layers.rend() - last) - 1});
  } else if (which.starts_with(until)) {
    freeze({0, named.find(which.substr(until.size())).end});
  } else {
    for (const std::string& name : words_of(which)) freeze(named.find(name));
  }
  bool trains = std::any_of(layers.begin(), layers.end(),
                            [&](const LayerPtr& layer) { return layer->trainable() && has_weights(layer); });
  if (!trains) fail(ErrorKind::usage, "freeze: {} leaves no layer that is trained", which);
}

}  // namespace manul
