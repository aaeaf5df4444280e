"""Adds to optimizers.h5 what Keras 2.15 lacks: Lamb, through the same six steps, computed by Keras 3.15. Run it with Keras 3:
python make_optimizers.py ../../reference/optimizers.h5
"""
import sys

import h5py
import keras
import numpy as np

CASES = [
    ("lamb", "Lamb", dict(learning_rate=0.01)),
    ("lamb_settings", "Lamb", dict(learning_rate=0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-3)),
    ("lamb_weight_decay", "Lamb", dict(learning_rate=0.05, weight_decay=0.02)),
    ("lamb_clipnorm", "Lamb", dict(learning_rate=0.05, clipnorm=0.7)),
    ("lamb_ema", "Lamb", dict(learning_rate=0.05, use_ema=True, ema_momentum=0.8)),
]

with h5py.File(sys.argv[1], "a") as file:
    inputs = file["inputs"]
    for name, class_name, options in CASES:
        variables = [keras.Variable(inputs[f"initial{i}"][()], name=f"p{i}") for i in range(2)]
        optimizer = getattr(keras.optimizers, class_name)(**options)
        optimizer.build(variables)
        kept = [v for v in optimizer.variables if "learning_rate" not in v.path and "iteration" not in v.path]
        steps = []
        for step in range(len(inputs["grad0"])):
            optimizer.apply([keras.ops.convert_to_tensor(inputs[f"grad{i}"][step]) for i in range(2)], variables)
            steps.append([np.asarray(v.numpy()) for v in variables + kept])
        if f"keras3/{name}" in file:
            del file[f"keras3/{name}"]
        group = file.create_group(f"keras3/{name}")
        group.attrs["class_name"] = np.bytes_(class_name)
        for key, value in options.items():
            group.attrs[key] = int(value) if isinstance(value, bool) else float(value)
        for at, values in enumerate(map(np.stack, zip(*steps))):
            group.create_dataset(f"param{at}" if at < 2 else f"slot{at - 2}", data=values)
        if options.get("use_ema"):
            optimizer.finalize_variable_values(variables)
            for i, variable in enumerate(variables):
                group.create_dataset(f"final{i}", data=variable.numpy())
