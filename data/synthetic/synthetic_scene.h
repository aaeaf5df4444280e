#pragma once

#include "manul/data/synthetic/synthetic_dice.h"

namespace manul::drawing {

/// A room or a meadow, with things in it.
void paint_background(Canvas& canvas, Dice& dice, bool outdoors);
/// A ball, a blade of grass, the edge of a blanket: something that hides a part of the animal.
void paint_foreground(Canvas& canvas, Dice& dice);
/// Light, contrast and the grain of a camera.
void develop(Canvas& canvas, Dice& dice);

}  // namespace manul::drawing
