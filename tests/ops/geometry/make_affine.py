"""Writes tests/reference/affine.h5: what Keras 2.15's random layers do to pictures when nothing is left to chance.

Each case has the parameters of one transformation; `matrix` and `output` are Keras' own. Run it with TensorFlow 2.15:
python make_affine.py ../../reference/affine.h5
"""
import sys

import h5py
import numpy as np
import tensorflow as tf
from keras.src.layers.preprocessing import image_preprocessing as keras

HEIGHT, WIDTH, CHANNELS = 6, 5, 2
CASES = [  # name, what, number or numbers (height first), fill mode, interpolation
    ("rotation_reflect", "rotation", [0.7], "reflect", "bilinear"),
    ("rotation_constant", "rotation", [-2.5], "constant", "bilinear"),
    ("rotation_nearest", "rotation", [1.1], "nearest", "nearest"),
    ("rotation_wrap", "rotation", [3.0], "wrap", "bilinear"),
    ("shift_reflect", "shift", [0.9, -0.45], "reflect", "bilinear"),
    ("shift_wrap", "shift", [-0.8, 0.7], "wrap", "bilinear"),
    ("shift_constant", "shift", [0.25, 0.3], "constant", "bilinear"),
    ("shift_nearest", "shift", [0.5, 0.4], "nearest", "nearest"),
    ("zoom_out", "zoom", [2.6, 1.7], "reflect", "bilinear"),
    ("zoom_in", "zoom", [0.4, 0.8], "constant", "bilinear"),
    ("zoom_wrap", "zoom", [1.9, 3.2], "wrap", "nearest"),
]


def matrix_of(what, numbers):
    if what == "rotation":
        return keras.get_rotation_matrix(tf.constant(numbers), float(HEIGHT), float(WIDTH))
    if what == "shift":  # RandomTranslation hands over the pixels of width and height
        return keras.get_translation_matrix(tf.constant([[numbers[1] * WIDTH, numbers[0] * HEIGHT]]))
    return keras.get_zoom_matrix(tf.constant([[numbers[1], numbers[0]]]), float(HEIGHT), float(WIDTH))


random = np.random.default_rng(3)
x = random.uniform(-1, 1, (1, HEIGHT, WIDTH, CHANNELS)).astype(np.float32)
with h5py.File(sys.argv[1], "w") as file:
    file["input"] = x
    for name, what, numbers, fill_mode, interpolation in CASES:
        matrix = matrix_of(what, numbers)
        output = keras.transform(tf.constant(x), matrix, fill_mode=fill_mode, fill_value=0.25, interpolation=interpolation)
        group = file.create_group(name)
        group["matrix"] = matrix.numpy()[:, :6].astype(np.float32)
        group["output"] = output.numpy()
        group["numbers"] = np.array(numbers)
        for key, value in (("what", what), ("fill_mode", fill_mode), ("interpolation", interpolation)):
            group.attrs[key] = np.bytes_(value)
