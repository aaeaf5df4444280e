"""Writes tests/reference/more_layers.h5: layers that the collection layers.h5 lacks, computed by Keras 2.15 in float64.

Each case: class_name and config; input0, ..; weight0, ..; output; upstream, the gradient that arrives there;
input0_grad, .., weight0_grad, ... Run it with TensorFlow 2.15: python make_layers.py ../reference/more_layers.h5
"""
import json
import sys

import h5py
import keras
import numpy as np
import tensorflow as tf

keras.backend.set_floatx("float64")
L = keras.layers
CASES = [  # name, layer, shapes of the inputs without the batch's axis
    ("attention_self", L.MultiHeadAttention(2, 3), [(4, 5)] * 2),
    ("attention_cross", L.MultiHeadAttention(3, 2, value_dim=4, output_shape=7), [(4, 5), (6, 3)]),
    ("attention_key", L.MultiHeadAttention(2, 3, use_bias=False), [(4, 5), (6, 3), (6, 2)]),
    ("attention_picture", L.MultiHeadAttention(2, 3), [(2, 3, 5)] * 2),
    ("attention_rows", L.MultiHeadAttention(2, 3, attention_axes=(2,)), [(2, 3, 5)] * 2),
    ("attention_columns", L.MultiHeadAttention(2, 3, attention_axes=(1,)), [(2, 3, 5), (4, 3, 5)]),
    ("softmax_axes", L.Softmax(axis=[1, 3]), [(3, 4, 2)]),
    ("thresholded_relu", L.ThresholdedReLU(theta=0.7), [(3, 5)]),
    ("add_ranks", L.Add(), [(3, 4), (4,)]),
    ("multiply_broadcast", L.Multiply(), [(3, 4, 5), (1, 1, 5), (3, 1, 1)]),
    ("maximum_broadcast", L.Maximum(), [(3, 1), (1, 4)]),
    ("average_broadcast", L.Average(), [(3, 4), (1, 4)]),
    ("concatenate_axis2", L.Concatenate(axis=-2), [(3, 4), (2, 4), (1, 4)]),
    ("dot_last", L.Dot(-1), [(3, 4), (2, 4)]),
    ("dot_4d", L.Dot((3, 1)), [(2, 3, 4), (4, 5)]),
    ("dot_normalize_3d", L.Dot((1, 2), normalize=True), [(3, 4), (5, 3)]),
    ("repeat_vector", L.RepeatVector(3), [(4,)]),
    ("permute_21", L.Permute((2, 1)), [(3, 4)]),
    ("prelu_last_axis", L.PReLU(shared_axes=[3]), [(2, 3, 4)]),
    ("random_crop_wide", L.RandomCrop(4, 3), [(9, 13, 2)]),
    ("random_crop_small", L.RandomCrop(7, 8), [(5, 4, 2)]),
]


def values(random, shape):
    return random.uniform(-2, 2, shape)


def write_case(file, name, layer, shapes, random):
    inputs = [tf.Variable(values(random, (2, *shape))) for shape in shapes]
    several = len(inputs) > 1
    is_attention = isinstance(layer, L.MultiHeadAttention)
    call = (lambda: layer(*inputs)) if is_attention else (lambda: layer(list(inputs) if several else inputs[0]))
    call()
    layer.set_weights([values(random, weight.shape) for weight in layer.weights])
    with tf.GradientTape() as tape:
        output = call()
        upstream = values(random, output.shape)
        total = tf.reduce_sum(output * upstream)
    gradients = tape.gradient(total, inputs + layer.trainable_weights)
    group = file.create_group("keras2/" + name)
    group.attrs["class_name"] = np.bytes_(type(layer).__name__)
    config = layer.get_config()
    for array in ("theta",):  # numpy's in some layers
        if array in config:
            config[array] = float(config[array])
    group.attrs["config"] = np.bytes_(json.dumps(config, default=lambda shape: shape.as_list()))
    group["output"], group["upstream"] = output.numpy(), upstream
    for i, tensor in enumerate(inputs):
        group[f"input{i}"] = tensor.numpy()
        if gradients[i] is not None:
            group[f"input{i}_grad"] = tf.convert_to_tensor(gradients[i]).numpy()
    for i, weight in enumerate(layer.weights):
        group[f"weight{i}"] = weight.numpy()
        group[f"weight{i}_grad"] = gradients[len(inputs) + i].numpy()


def write_embedding(file, random):
    layer = L.Embedding(7, 3)
    indices = random.integers(0, 7, (2, 5))
    layer(indices)
    layer.set_weights([values(random, (7, 3))])
    with tf.GradientTape() as tape:
        output = layer(indices)
        upstream = values(random, output.shape)
        total = tf.reduce_sum(output * upstream)
    group = file.create_group("keras2/embedding")
    group.attrs["class_name"] = np.bytes_("Embedding")
    group.attrs["config"] = np.bytes_(json.dumps(layer.get_config()))
    group["input0"], group["weight0"] = indices.astype(np.float64), layer.weights[0].numpy()
    group["output"], group["upstream"] = output.numpy(), upstream
    group["weight0_grad"] = tf.convert_to_tensor(tape.gradient(total, layer.weights[0])).numpy()


random = np.random.default_rng(5)
with h5py.File(sys.argv[1], "w") as file:
    for name, layer, shapes in CASES:
        write_case(file, name, layer, shapes, random)
    write_embedding(file, random)
