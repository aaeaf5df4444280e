"""Writes tests/reference/models/keras{2,3}-activity.h5: a network whose layers regularize what they put out, with the losses of three steps
of SGD and what it weighs and predicts after them. Run it with either version of Keras: python make_activity.py ../reference/models/keras2-activity.h5
"""
import sys

import h5py
import keras
import numpy as np

L, R = keras.layers, keras.regularizers
pictures = keras.Input((6, 6, 2), name="pictures")
x = L.Conv2D(4, 3, activation="relu", activity_regularizer=R.L2(0.02), name="conv")(pictures)
x = L.MaxPooling2D(2, name="pool")(x)
x = L.ActivityRegularization(l1=0.01, l2=0.03, name="activity")(x)
x = L.DepthwiseConv2D(2, activity_regularizer=R.L1(0.02), name="depthwise")(x)
x = L.Flatten(name="flatten")(x)
shared = L.Dense(4, activation="tanh", activity_regularizer=R.L1L2(l1=0.05, l2=0.04), kernel_regularizer=R.L2(0.1), name="shared")
x = shared(shared(x))
x = L.Dense(3, activation="softmax", activity_regularizer=R.L2(0.5), name="classes")(x)
model = keras.Model(pictures, x, name="activity")

random = np.random.default_rng(7)
model.set_weights([random.normal(0, 0.3, weight.shape).astype(np.float32) for weight in model.weights])
model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy", metrics=["accuracy"])
x = random.uniform(-1, 1, (5, 6, 6, 2)).astype(np.float32)
y = np.eye(3, dtype=np.float32)[random.integers(0, 3, 5)]
model.save(sys.argv[1])
with h5py.File(sys.argv[1], "a") as file:
    group = file.create_group("expected")
    group["pictures"], group["labels"] = x, y
    group["evaluated"] = model.evaluate(x, y, batch_size=2, verbose=0)[0]
    group["losses"] = [model.fit(x, y, batch_size=5, verbose=0, shuffle=False).history["loss"][0] for _ in range(3)]
    group["output"] = model.predict(x, verbose=0)
