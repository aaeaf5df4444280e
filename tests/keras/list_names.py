"""Writes tests/reference/keras3_names.json: the classes of Keras 3 that a model may have, by kind, each once under its first name, and the names
that are another's too. Run it with Keras 3: python list_names.py ../reference/keras3_names.json
"""
import inspect
import json
import sys

import keras

KINDS = {
    "layers": (keras.layers, keras.layers.Layer),
    "losses": (keras.losses, keras.losses.Loss),
    "metrics": (keras.metrics, keras.metrics.Metric),
    "optimizers": (keras.optimizers, keras.optimizers.Optimizer),
    "schedules": (keras.optimizers.schedules, keras.optimizers.schedules.LearningRateSchedule),
    "initializers": (keras.initializers, keras.initializers.Initializer),
    "regularizers": (keras.regularizers, keras.regularizers.Regularizer),
    "constraints": (keras.constraints, keras.constraints.Constraint),
    "callbacks": (keras.callbacks, keras.callbacks.Callback),
}
names = {"keras": keras.__version__}
for kind, (module, base) in KINDS.items():
    found = {}
    for name, value in vars(module).items():
        if inspect.isclass(value) and issubclass(value, base) and value is not base:
            found.setdefault(value, []).append(name)
    names[kind] = sorted(value.__name__ if value.__name__ in all_names else min(all_names) for value, all_names in found.items())
names["networks"] = sorted(name for name, value in vars(keras.applications).items() if inspect.isfunction(value))
names["activations"] = sorted({value.__name__ for name, value in vars(keras.activations).items()
                               if inspect.isfunction(value) and name not in ("deserialize", "get", "serialize")})
with open(sys.argv[1], "w") as file:
    json.dump(names, file, indent=1)
    file.write("\n")
