"""Writes tests/reference/models/keras{2,3}-vit.h5: a small vision transformer with random weights, pictures, and what
Keras predicts for them. Run it with either version of Keras: python make_vit.py ../reference/models/keras2-vit.h5
"""
import sys

import h5py
import keras
import numpy as np

L = keras.layers
pictures = keras.Input((16, 16, 3), name="pictures")
x = L.Conv2D(16, 4, strides=4, name="patches")(pictures)
x = L.Reshape((16, 16), name="sequence")(x)
positions = keras.Input((16,), name="positions")
x = L.Add(name="placed")([x, L.Embedding(16, 16, name="position")(positions)])
for i in range(2):
    y = L.LayerNormalization(epsilon=1e-6, name=f"norm_a{i}")(x)
    if i == 0:
        y = L.MultiHeadAttention(4, 8, dropout=0.1, name=f"attention{i}")(y, y)
    else:
        y = L.MultiHeadAttention(2, 8, value_dim=6, name=f"attention{i}")(y, value=x, key=y)
    x = L.Add(name=f"add_a{i}")([x, y])
    y = L.LayerNormalization(epsilon=1e-6, name=f"norm_b{i}")(x)
    y = L.Dense(32, activation="gelu", name=f"wide{i}")(y)
    y = L.Dropout(0.1, name=f"dropout{i}")(y)
    y = L.Dense(16, name=f"narrow{i}")(y)
    x = L.Add(name=f"add_b{i}")([x, y])
x = L.LayerNormalization(epsilon=1e-6, name="norm")(x)
x = L.GlobalAveragePooling1D(name="mean")(x)
x = L.Dense(3, activation="softmax", name="classes")(x)
model = keras.Model([pictures, positions], x, name="vit")

random = np.random.default_rng(7)
model.set_weights([random.normal(0, 0.3, weight.shape).astype(np.float32) for weight in model.weights])
model.compile("adam", "categorical_crossentropy")
x = random.uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
positions = np.tile(np.arange(16, dtype=np.float32), (4, 1))
model.save(sys.argv[1])
with h5py.File(sys.argv[1], "a") as file:
    group = file.create_group("expected")
    group["pictures"], group["positions"] = x, positions
    group["output"] = model.predict([x, positions], verbose=0)
