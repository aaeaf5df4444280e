#include "manul/tools/support/classifier.h"
#include "manul/tools/support/program.h"

namespace manul {

ClassifierCommand::ClassifierCommand(CLI::App& app) {
  app.option_defaults()->group("What the model's file does not say");
  app.add_option(
         "--rescale", options_.rescale,
         "Factor for the pixels 0..255; default: what the file says, 1 if the model rescales them itself, "
         "else 1/255")
      ->check(number_in(1e-9, 1e9));
  app.add_option("--offset", options_.offset,
                 "Added to the pixels after that: -1 with --rescale 0.00784313725")
      ->check(number_in(-1e9, 1e9));
  app.add_option("--interpolation", options_.interpolation, "How pictures are resized; default: nearest")
      ->check(interpolation_name());
  app.add_option("--classes", classes_, "Names of the classes, in the order of the outputs: cat,dog")
      ->type_name("NAME,NAME");
  app.add_flag("--from-logits", options_.from_logits,
               "The outputs are logits: a sigmoid or a softmax makes probabilities of them");
  app.add_option("--output-layer", options_.output, "The output that is meant, where the model has several")
      ->type_name("NAME");
  app.add_flag("--keep-aspect", options_.keep_aspect,
               "Cut the middle out of each picture instead of distorting it");
  app.add_flag("--exif-orientation", options_.exif_orientation, "Turn JPEG pictures as a viewer shows them");
  app.add_flag("--tolerant", options_.tolerant,
               "Take damaged JPEG pictures as far as a viewer would show them");
  app.option_defaults()->group("Options");
}

ClassifierOptions ClassifierCommand::options() const {
  ClassifierOptions options = options_;
  if (!classes_.empty()) options.class_names = CLI::detail::split(classes_, ',');
  return options;
}

}  // namespace manul
