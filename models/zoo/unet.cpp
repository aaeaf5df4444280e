#include "manul/framework/error.h"
#include "manul/models/zoo/networks.h"

namespace manul::zoo {
namespace {

Symbol convolution(NetworkBuilder& network, const Symbol& x, int64_t filters, const std::string& name) {
  return network.apply(Conv2D{.filters = filters,
                              .kernel_size = 3,
                              .padding = Padding::same,
                              .activation = Activation::relu,
                              .name = name},
                       x);
}

Symbol two_convolutions(NetworkBuilder& network, const Symbol& x, int64_t filters, const std::string& name) {
  return convolution(network, convolution(network, x, filters, name + "_conv1"), filters, name + "_conv2");
}

}  // namespace

// U-Net (Ronneberger et al. 2015): a class for each pixel. Convolutions are padded, so that the output is as
// large as the picture. alpha multiplies the numbers of filters, 64 to 1024.
Symbol unet(NetworkBuilder& network, Symbol x) {
  Shape picture = network.shape(x);
  check(picture[0] % 16 == 0 && picture[1] % 16 == 0,
        "unet: the picture is halved four times: its sides must be multiples of 16, not {}x{}", picture[0],
        picture[1]);
  auto filters = [&](int level) {
    return rounded_filters(static_cast<double>(64 << level) * network.alpha());
  };
  std::vector<Symbol> skips;
  for (int level = 0; level < 4; ++level) {
    std::string name = fmt::format("encoder{}", level + 1);
    skips.push_back(two_convolutions(network, x, filters(level), name));
    x = network.apply(MaxPooling2D{.name = name + "_pool"}, skips.back());
  }
  x = two_convolutions(network, x, filters(4), "bottom");
  for (int level = 4; level-- > 0;) {
    std::string name = fmt::format("decoder{}", level + 1);
    x = network.apply(
        Conv2DTranspose{.filters = filters(level), .kernel_size = 2, .strides = 2, .name = name + "_up"}, x);
    x = network.apply(Concatenate{.name = name + "_concat"}, {skips[level], x});
    x = two_convolutions(network, x, filters(level), name);
  }
  if (!network.include_top()) return network.pooled(x);
  return network.apply(
      Conv2D{
          .filters = network.classes(), .activation = network.classifier_activation(), .name = "predictions"},
      x);
}

}  // namespace manul::zoo
