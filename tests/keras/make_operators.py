"""tests/reference/operators.json: a model whose layers are joined by Python's arithmetic, as this Keras writes it, and what it
computes. Run it with either version of Keras, the second adds to the file: PYTHON make_operators.py
"""
import json
import os

import keras
import numpy as np

keras3 = keras.__version__.startswith("3")
if keras3:
    from keras import ops
    relu, softmax, sigmoid = ops.relu, ops.softmax, ops.sigmoid
else:
    import tensorflow as tf
    relu, softmax, sigmoid = tf.nn.relu, tf.nn.softmax, tf.math.sigmoid

x = keras.Input((5,), name="x")
difference = 2.0 - (x + 3.0)
product = 3.0 * (difference * x / 2.0)
mixed = relu(product) + x
outputs = [mixed - difference, softmax(mixed, axis=-1), keras.activations.silu(product) if keras3 else tf.nn.silu(product),
           sigmoid(keras.layers.Add()([mixed - 1.5, x]))]
model = keras.Model(x, outputs)
values = np.random.default_rng(3).uniform(-2, 2, (3, 5)).astype(np.float32)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference", "operators.json")
known = json.load(open(path)) if os.path.exists(path) else {}
known["keras3" if keras3 else "keras2"] = {
    "model": model.to_json(), "input": values.ravel().tolist(),
    "outputs": [np.asarray(output).ravel().tolist() for output in model(values)]}
with open(path, "w") as file:
    json.dump(known, file, indent=1)
