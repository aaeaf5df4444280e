"""Holds the networks of models/zoo against those of real Keras.

usage: compare_zoo.py --check build/tests/manul_zoo_check --keras2 PYTHON --keras3 PYTHON [NETWORK ..]
       PYTHON compare_zoo.py --facts tests/reference/zoo.json     (with Keras 3)

PYTHON is an interpreter of an environment with that Keras, as compare_files.py says. manul_zoo_check is built by:
cmake --build build --target manul_zoo_check

For each network both versions of Keras build theirs for small pictures, with random weights, and write a file of weights
and whole models. Asked of Manul: that its network of the same options takes the weights by name and in order, and that the
whole files load; each predicts what Keras does (1e-5 of the largest output). Asked of Keras: that the files that Manul writes
of its network load and predict the same. --facts writes what the tests know of Keras' networks. Exit code 1 if one does not hold.
"""
import json
import os
import sys

import both_keras
from compare_files import furthest, predictions
from zoo_networks import APPLICATIONS, NAMES, build, formula_pixels, preprocess, set_formula_weights

SIDES = {"lenet5": 28, "catdog": 24, "xception": 71, "inceptionv3": 75}  # the others': 32
# Networks that are small enough to be computed by the tests, and with what.
COMPUTED = {"catdog": 24, "efficientnetb0": 32, "lenet5": 28, "mobilenetv2": 32, "mobilenetv3small": 32, "resnet18": 40, "vit": 24}


def small_options(name, side=None):
    side = side or SIDES.get(name, 32)
    return {"input_shape": (side, side, 1 if name == "lenet5" else 3), "classes": 7, "classifier_activation": None}


def count(weights):
    import numpy as np

    return int(sum(np.prod(weight.shape) for weight in weights))


def sizes(model):
    return {"output_shape": list(model.outputs[0].shape[1:]), "trainable": count(model.trainable_weights),
            "others": count(model.non_trainable_weights)}


def is_counted(layer):
    """Its name is one that Keras has given it by its class."""
    return layer.name.rstrip("0123456789").rstrip("_") in (layer.__class__.__name__.lower(), snake_case(layer.__class__.__name__))


def snake_case(name):
    import re

    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)).lower()


def facts(path):
    import keras
    import numpy as np

    lines = []
    for name in NAMES:
        model = build(keras, name)
        fact = {"class": APPLICATIONS.get(name, [""])[0], "name": model.name, **sizes(model)}
        # Layers without weights that Keras named by counting are left out.
        fact["layers"] = [[layer.name, layer.__class__.__name__] + ["weights"] * bool(layer.weights) for layer in model.layers
                          if layer.weights or not is_counted(layer)]
        side = 96 if name != "lenet5" else 28
        shape = (side, side, 1 if name == "lenet5" else 3)
        fact["base"] = sizes(build(keras, name, include_top=False, pooling=None if name == "catdog" else "avg", input_shape=shape))
        fact["base"]["input_shape"] = shape
        if name in COMPUTED:
            options = small_options(name, COMPUTED[name])
            keras.config.set_floatx("float64")
            model = build(keras, name, **options)
            keras.config.set_floatx("float32")
            set_formula_weights(model)
            pixels = formula_pixels((2, *options["input_shape"]))
            outputs = np.asarray(model(preprocess(keras, name, pixels), training=False), np.float64)
            fact["computed"] = {"input_shape": options["input_shape"], "outputs": [float("%.7g" % v) for v in outputs.ravel()]}
        lines.append('"%s": %s' % (name, json.dumps(fact, separators=(",", ":"))))
        print(name, fact["trainable"], flush=True)
    with open(path, "w") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


def randomize(model, random):
    import numpy as np

    def values(weight):
        shape, name = tuple(weight.shape), weight.name
        if "count" in name:
            return np.zeros(shape)
        if len(shape) < 2:
            return random.uniform(0.5, 1.5, shape) if "variance" in name else random.normal("gamma" in name, 0.1, shape)
        fan = shape[0] * shape[1] if "depthwise" in name or shape[-2] == 1 else np.prod(shape[:-1])
        return random.normal(0, np.sqrt(1.5 / fan), shape)

    model.set_weights([values(weight).astype(np.float32) for weight in model.weights])


def write(folder, names):
    """Files for Manul to read, and what Keras makes of them."""
    import h5py
    import keras
    import numpy as np

    keras3 = keras.__version__.startswith("3")
    for name in names:
        options = small_options(name)
        model = build(keras, name, **options)
        random = np.random.default_rng(5)
        randomize(model, random)
        stem = os.path.join(folder, name)
        pixels = random.integers(0, 256, (3, *options["input_shape"])).astype(np.float32)
        x = preprocess(keras, name, pixels.copy())
        with h5py.File(stem + ".batch.h5", "w") as file:
            file["pixels_0"], file["input_0"], file["output_0"] = pixels, x, predictions(model, [x])[0]
        with open(stem + ".json", "w") as file:
            # tf.keras has other names for the layers of MobileNetV3 than Keras 3 and Manul.
            json.dump({"network": name, "input_shape": options["input_shape"], "classes": options["classes"],
                       "same_names": keras3 or not name.startswith("mobilenetv3")}, file)
        model.save(stem + ".h5")
        model.save_weights(stem + (".weights.h5" if keras3 else ".by-name.h5"))
        if keras3:
            model.save(stem + ".keras")


def compare_again(folder, names):
    """The files that Manul wrote of its networks, by the Keras of this interpreter."""
    import h5py
    import keras
    import numpy as np

    well, keras3 = True, keras.__version__.startswith("3")
    for name in names:
        if name.startswith("mobilenetv3") and not keras3:
            print("  %-18s has activations that Keras %s has not" % (name, keras.__version__))
            continue
        custom = {}
        if name == "convnexttiny":  # Keras asks for it in .h5 files of its own as well
            from keras.src.applications.convnext import LayerScale

            custom = {"LayerScale": LayerScale}
        stem = os.path.join(folder, name)
        with h5py.File(stem + ".batch.h5") as file:
            x, pixels, wanted = file["input_0"][()], file["pixels_0"][()], [file["output_0"][()]]
        # Keras 3 opens no .h5 file of tf.keras with a MultiHeadAttention, nor does tf.keras one of its own.
        tried = [] if keras3 and name == "vit" else [("again.h5", x), ("from-pixels.h5", pixels)]
        if keras3:
            tried += [("again.keras", x), ("from-pixels.keras", pixels)]
        for ending, inputs in tried:
            try:
                model = keras.models.load_model("%s.%s" % (stem, ending), compile=False, custom_objects=custom)
                far = furthest(predictions(model, [inputs]), wanted) / float(np.abs(wanted[0]).max())
                text = "%.1e  %s" % (far, "ok" if far <= 1e-5 else "WRONG")
            except Exception as error:  # noqa: BLE001: whatever Keras raises is what is asked for
                text = "%s  WRONG" % str(error).strip().replace("\n", " ")[:400]
            well = well and text.endswith("ok")
            print("  %-18s Keras %s reads Manul's %-18s %s" % (name, keras.__version__, ending, text), flush=True)
    return 0 if well else 1


def compare_both(turns, names):
    for python in turns.pythons:
        for name in names:  # one by one: whole files are large
            with turns.folder() as folder:
                turns.keras(python, "--write", folder, name)
                turns.manul(folder)
                turns.keras(python, "--again", folder, name)


if __name__ == "__main__":
    sys.exit(both_keras.main(__file__, __doc__, ("check", "manul_zoo_check"), {
        "facts": ("write what Keras' networks are like to this file", lambda path, _: facts(path)),
        "write": ("write files to this folder", write),
        "again": ("compare Manul's files in this folder", compare_again),
    }, compare_both, NAMES))
