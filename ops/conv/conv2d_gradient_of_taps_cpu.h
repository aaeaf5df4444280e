#pragma once

#include "manul/framework/cpu/product.h"
#include "manul/framework/cpu/product_tile.h"
#include "manul/framework/cpu/scratch.h"
#include "manul/ops/conv/conv2d_outputs_cpu.h"

// The kernel gradient of a convolution over small pictures. Included by conv2d_backward_kernel_cpu.cpp only.
namespace manul::cpu {

/// A product for each tap, of the outputs for which it does not lie beside the picture: of 2x2 pixels under
/// 3x3 less than half of all.
template <class T>
class KernelGradientOfTaps {
 public:
  static bool serves(const WindowGeometry& g, int64_t filters, DType dtype) {
    constexpr int64_t least_channels = 32;
    const std::vector<Tap> taps = window_taps(g);
    return dtype == dtype_of<T> && g.groups == 1 && g.channels % lanes<T> == 0 &&
           std::min(g.channels, filters) >= least_channels &&
           is_of_small_pictures(source(nullptr, g), std::span<const Tap>(taps));
  }

  KernelGradientOfTaps(const T* x, const T* dy, int64_t filters, const WindowGeometry& g, T* dkernel)
      : x_(x), dy_(dy), filters_(filters), channels_(g.channels), batch_(g.batch), dkernel_(dkernel) {
    constexpr int64_t outputs_at_once = 256;
    const int64_t picture = g.output[0] * g.output[1];
    pictures_ = std::clamp(outputs_at_once / picture, int64_t{1}, std::max<int64_t>(batch_, 1));
    x_step_ = g.input[0] * g.input[1] * channels_;
    dy_step_ = picture * filters;
    const std::vector<Tap> taps = window_taps(g);
    for (const OutputClass& one : outputs_of_taps<T>(source(x, g), std::span<const Tap>(taps), pictures_,
                                                     {nullptr, dy_step_, g.output[1] * filters, filters})) {
      std::vector<OutputPlace> places;
      for (const OutputPlace& place : one.places)
        for (int64_t i = 0; i < one.beside; ++i)
          places.push_back(
              {place.x + one.runs[0].offset + i * g.strides[1] * channels_, place.y + i * filters});
      taps_.push_back({std::move(places), one.of_a_picture * one.beside});
    }
  }

  void run() const {
    constexpr int64_t most_filters = 256, most_channels = 256;
    const int64_t filter_groups = (filters_ + most_filters - 1) / most_filters;
    const int64_t groups = (channels_ + most_channels - 1) / most_channels, vectors = channels_ / lanes<T>;
    const auto taps = static_cast<int64_t>(taps_.size());
    parallel_for(taps * filter_groups * groups, 1, [&](int64_t task, int64_t /*end*/) {
      const int64_t tap = task / groups / filter_groups, group = task % groups;
      const int64_t some = task / groups % filter_groups;
      const int64_t filter = filters_ * some / filter_groups, channel = vectors * group / groups * lanes<T>;
      add_up(tap, filter, filters_ * (some + 1) / filter_groups - filter, channel,
             vectors * (group + 1) / groups * lanes<T> - channel);
    });
  }

 private:
  static Source<T> source(const T* x, const WindowGeometry& g) {
    return {x, g.batch, g.input[0], g.input[1], g.channels, g.output, g.strides};
  }

  struct TapPlaces {
    std::vector<OutputPlace> places;  // of the pictures at once: in x and in dy
    int64_t of_a_picture;
  };

  /// Of some filters and channels.
  void add_up(int64_t tap, int64_t filter, int64_t filters, int64_t channel, int64_t channels) const {
    constexpr int64_t most = blocked::tile_vectors;
    constexpr int64_t line = 64 / sizeof(T);
    const auto& [places, of_a_picture] = taps_[tap];
    const int64_t element = channels_ * static_cast<int64_t>(taps_.size());
    T* to = dkernel_ + filter * element + tap * channels_ + channel;
    if (places.empty() || batch_ == 0)
      for (int64_t f = 0; f < filters; ++f) std::fill_n(to + f * element, channels, T(0));
    Scratch<T> gradients, seen;
    const int64_t step = filters + line;  // not at a power of two
    for (int64_t picture = 0; picture < batch_; picture += pictures_) {
      const int64_t count = std::min(pictures_, batch_ - picture) * of_a_picture;
      if (count == 0) break;
      T* dy = gradients.of(count * step);
      for (int64_t i = 0; i < count; ++i)
        std::copy_n(dy_ + picture * dy_step_ + places[i].y + filter, filters, dy + i * step);
      split_evenly(channels / lanes<T>, most, [&](int64_t vector, int64_t vectors) {
        T* own = seen.of(count * most * lanes<T>);
        for (int64_t i = 0; i < count; ++i)
          for (int64_t v = 0; v < vectors; ++v)
            store(own + (i * vectors + v) * lanes<T>,
                  load(x_ + picture * x_step_ + places[i].x + channel + (vector + v) * lanes<T>));
        product_on_thread<T>({filters, vectors * lanes<T>, count}, {dy, 1, step}, {own, vectors * lanes<T>},
                             {to + vector * lanes<T>, element}, picture > 0, {.y_is_far = true});
      });
    }
  }

  const T *x_, *dy_;
  int64_t filters_, channels_, batch_;
  T* dkernel_;
  int64_t pictures_, x_step_, dy_step_;
  std::vector<TapPlaces> taps_;
};

}  // namespace manul::cpu
