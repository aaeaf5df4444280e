#pragma once

#include "manul/models/zoo/network_builder.h"

/// The layers of the networks of the table in zoo.cpp, from the input to the output.
namespace manul::zoo {

Symbol catdog(NetworkBuilder& network, Symbol x);
Symbol lenet5(NetworkBuilder& network, Symbol x);
Symbol resnet18(NetworkBuilder& network, Symbol x);
Symbol resnet34(NetworkBuilder& network, Symbol x);
Symbol vgg16(NetworkBuilder& network, Symbol x);
Symbol vgg19(NetworkBuilder& network, Symbol x);

}  // namespace manul::zoo
