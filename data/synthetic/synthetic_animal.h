#pragma once

#include "manul/data/synthetic/synthetic_dice.h"

namespace manul::drawing {

enum class Pattern { plain, striped, patched, masked };

/// What an animal looks like before it is drawn.
struct Looks {
  Color fur, dark, light, eye, collar;
  Pattern pattern;
  bool pointed_ears, has_collar, has_tongue;
  float ear, width, pupil, gaze;

  Looks(SyntheticAnimal animal, Dice& dice);
};

/// Paints one with a head of about radius 1 at the origin of `body`; sitting ones have a body below it.
void paint_animal(Canvas& canvas, SyntheticAnimal animal, const Looks& looks, const Frame& body, bool sitting,
                  Dice& dice);

}  // namespace manul::drawing
