"""Writes tests/reference/models/keras{2,3}-masks.h5: a small transformer whose padding is masked, with what it predicts, its loss and
metrics with and without weights of the samples, the losses of three steps of SGD and what it predicts after them; the mask goes
through layers that pass it on, merges, a nested model, attention and the mean of a sequence, and to the loss of an output for each
step. Run it with either version of Keras: python make_masks.py ../reference/models/keras2-masks.h5
"""
import sys

import h5py
import keras
import numpy as np

L = keras.layers
words = keras.Input((6,), name="words")
vectors = keras.Input((6, 3), name="vectors")
attention_mask = keras.Input((6, 6), name="allowed")
a = L.Embedding(9, 4, mask_zero=True, name="embedding")(words)
b = L.Dense(4, activation="tanh", name="dense")(L.Masking(0.5, name="masking")(vectors))
keras3 = keras.__version__ >= "3"  # where steps count that count in one of the parts; in Keras 2 they count in all
x = L.Add(name="add")([a, b if keras3 else L.Dense(4, name="other")(a)])
both = L.Concatenate(name="joined")([a if keras3 else x, x])
causal = L.MultiHeadAttention(2, 3, name="causal")(both, both, use_causal_mask=True)
allowed = L.MultiHeadAttention(2, 3, name="allowed_attention")(causal, b, attention_mask=attention_mask)
def small(x):
    return L.LayerNormalization(name="norm")(L.Dense(8, activation="relu", name="hidden")(x))
if not keras3:
    inner = keras.Input((6, 8), name="inner")
    x = keras.Model(inner, small(inner), name="nested")(allowed)
else:  # where 3.15.1 loses the mask of the query
    x = small(causal)
x = L.Dropout(0.0, name="dropout")(x)
tags = L.Dense(3, activation="softmax", name="tags")(x)
label = L.Dense(1, activation="sigmoid", name="label")(L.GlobalAveragePooling1D(name="mean")(x))
inputs = [words, vectors] + ([attention_mask] if not keras3 else [])
model = keras.Model(inputs, [tags, label], name="masks")

random = np.random.default_rng(11)
model.set_weights([random.normal(0, 0.6, weight.shape).astype(np.float32) for weight in model.weights])
model.compile(keras.optimizers.SGD(0.1), ["sparse_categorical_crossentropy", "binary_crossentropy"],
              metrics=[["sparse_categorical_accuracy"], ["binary_accuracy"]],
              weighted_metrics=[["sparse_categorical_accuracy"], []])
n = 7
inputs = [random.integers(0, 9, (n, 6)).astype(np.float32), random.uniform(-1, 1, (n, 6, 3)).astype(np.float32),
          (random.uniform(size=(n, 6, 6)) < 0.7).astype(np.float32)][:len(inputs)]
inputs[0][:, 0] = 3
inputs[0][:4, 3:] = 0
inputs[1][1, 2:5] = 0.5
inputs[1][4, 5] = 0.5
labels = [random.integers(0, 3, (n, 6, 1)).astype(np.float32), random.integers(0, 2, (n, 1)).astype(np.float32)]
weights = random.uniform(0.5, 2, n).astype(np.float32)
model.save(sys.argv[1])
with h5py.File(sys.argv[1], "a") as file:
    group = file.create_group("expected")
    for i, tensor in enumerate(inputs):
        group[f"input{i}"] = tensor
    for i, tensor in enumerate(labels):
        group[f"label{i}"] = tensor
    group["weights"] = weights
    group["before0"], group["before1"] = model.predict(inputs, verbose=0)
    def evaluated(**options):
        return model.evaluate(inputs, labels, batch_size=n, verbose=0, return_dict=True, **options)
    plain = evaluated()
    print(plain)
    group.attrs["names"] = np.array(list(plain), "S")
    group["evaluated"] = list(plain.values())
    group["losses"] = [model.fit(inputs, labels, batch_size=n, verbose=0, shuffle=False).history["loss"][0] for _ in range(3)]
    print(group["losses"][:])
    group["after0"], group["after1"] = model.predict(inputs, verbose=0)
    try:  # Keras 3 takes weights of the samples only where they have the axes of the outputs
        weighted = evaluated(sample_weight=[weights, weights])
        print(weighted)
        group.attrs["weighted_names"] = np.array(list(weighted), "S")
        group["weighted"] = list(weighted.values())
    except Exception as error:
        print(type(error))
