#pragma once

#include "manul/models/zoo/network_builder.h"

/// The layers of the networks of the table in zoo.cpp, from the input to the output.
namespace manul::zoo {

Symbol catdog(NetworkBuilder& network, Symbol x);
Symbol convnexttiny(NetworkBuilder& network, Symbol x);
Symbol densenet121(NetworkBuilder& network, Symbol x);
Symbol efficientnetb0(NetworkBuilder& network, Symbol x);
Symbol efficientnetv2b0(NetworkBuilder& network, Symbol x);
Symbol inceptionv3(NetworkBuilder& network, Symbol x);
Symbol lenet5(NetworkBuilder& network, Symbol x);
Symbol mobilenetv2(NetworkBuilder& network, Symbol x);
Symbol mobilenetv3large(NetworkBuilder& network, Symbol x);
Symbol mobilenetv3small(NetworkBuilder& network, Symbol x);
Symbol resnet18(NetworkBuilder& network, Symbol x);
Symbol resnet34(NetworkBuilder& network, Symbol x);
Symbol resnet50(NetworkBuilder& network, Symbol x);
Symbol resnet50v2(NetworkBuilder& network, Symbol x);
Symbol unet(NetworkBuilder& network, Symbol x);
Symbol vgg16(NetworkBuilder& network, Symbol x);
Symbol vgg19(NetworkBuilder& network, Symbol x);
Symbol vit(NetworkBuilder& network, Symbol x);
Symbol xception(NetworkBuilder& network, Symbol x);

}  // namespace manul::zoo
