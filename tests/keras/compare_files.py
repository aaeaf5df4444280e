"""Holds the files that Manul writes against real Keras, and Manul against the files that real Keras writes.

usage: compare_files.py --export build/tests/manul_keras_export --keras2 PYTHON --keras3 PYTHON

PYTHON is an interpreter of an environment with that Keras (made once by python3 -m venv):
    keras2: pip install tensorflow-cpu==2.15.1          keras3: pip install "keras>=3.8" jax h5py, or tensorflow-cpu
manul_keras_export is built by: cmake --build build --target manul_keras_export

Files that Manul wrote. Asked of both: the same predictions (1e-5), and loss (1e-6 relative) on a batch. Of tf.keras 2.15: that
its next step of training gives the weights that Manul's gives (1e-6), with the optimizer's state from the file; left out are
the moving variances of BatchNormalization, which Manul and Keras 3 update by the biased variance and tf.keras by the
unbiased one. Of Keras 3, which restores the optimizer's state of no .h5 file: that it trains, from a fresh optimizer; and of
the same model's .keras file that its next step gives Manul's weights, and that the .weights.h5 file loads into it. Of a
model that draws in training (drawing-*): the predictions and files alone.
Files that Keras wrote (.h5, and by Keras 3 also .keras and .weights.h5): the same predictions (1e-5) by Manul; and by
Keras, from what Manul writes of them.
Exit code 1 if one of these does not hold.
"""
import glob
import os
import sys

import both_keras


def numbered(file, name):
    """The arrays NAME_0, NAME_1, .. of a file."""
    arrays = []
    while "%s_%d" % (name, len(arrays)) in file:
        arrays.append(file["%s_%d" % (name, len(arrays))][()])
    return arrays


def as_argument(arrays):
    return arrays[0] if len(arrays) == 1 else arrays


def predictions(model, inputs):
    import numpy as np

    outputs = model(as_argument(inputs), training=False)
    return [np.asarray(output) for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


def furthest(a, b, skip=None):
    import numpy as np

    assert len(a) == len(b), "%d arrays for %d" % (len(a), len(b))
    return max([float(np.abs(x - y).max()) for i, (x, y) in enumerate(zip(a, b)) if x.size and not (skip and skip(i))] + [0.0])


def compare(stem):
    """A line of figures for each file of the model `stem`, by the Keras of this interpreter; whether all is well."""
    import h5py
    import keras
    import numpy as np

    keras3 = keras.__version__.startswith("3")
    with h5py.File(stem + ".batch.h5") as f:
        inputs, labels, outputs = (numbered(f, name) for name in ("input", "label", "output"))
        loss = float(f["loss"][()])
    draws = os.path.basename(stem).startswith("drawing")
    if keras3 and os.path.basename(stem).startswith("attention"):  # it opens no .h5 file of tf.keras with this layer either
        return compare_archive(stem, inputs, labels, outputs, keras.models.load_model(stem + ".after.keras", compile=False), draws)
    model = keras.models.load_model(stem + ".h5")
    predicted = furthest(predictions(model, inputs), outputs)
    steps = int(np.asarray(model.optimizer.iterations))
    after = keras.models.load_model(stem + ".after.h5", compile=False)
    if keras3:  # its loader builds the optimizer for no variables: see the text above
        model.compile(type(model.optimizer).from_config(model.optimizer.get_config()), loss=model.loss)
    before = [w.copy() for w in model.get_weights()]
    own_loss = float(model.train_on_batch(as_argument(inputs), as_argument(labels), return_dict=True)["loss"])
    loss_difference = abs(own_loss - loss) / abs(loss)
    weights = furthest(model.get_weights(), after.get_weights(), lambda i: "moving_variance" in model.weights[i].name)
    moved = furthest(model.get_weights(), before)
    well = predicted <= 1e-5 and (keras3 or steps == 3)
    if not draws:
        well = well and loss_difference <= 1e-6 and moved > 1e-4 and (keras3 or weights <= 1e-6)
    print("%-8s %-32s predictions %.1e  loss %.1e  steps %d  moved %.1e  next step %s  %s"
          % (keras.__version__, os.path.basename(stem) + ".h5", predicted, loss_difference, steps, moved,
             "fresh" if keras3 else "%.1e" % weights, "ok" if well else "WRONG"))
    return well and (not keras3 or compare_archive(stem, inputs, labels, outputs, after, draws))


def compare_archive(stem, inputs, labels, outputs, after, draws):
    """The same of the model's .keras and .weights.h5 files, by Keras 3."""
    import keras
    import numpy as np

    model = keras.models.load_model(stem + ".keras")
    predicted = furthest(predictions(model, inputs), outputs)
    steps = int(np.asarray(model.optimizer.iterations))
    fresh = keras.models.clone_model(model)
    fresh.load_weights(stem + ".weights.h5")
    same = all((a == b).all() for a, b in zip(model.get_weights(), fresh.get_weights()))
    model.train_on_batch(as_argument(inputs), as_argument(labels))
    weights = furthest(model.get_weights(), after.get_weights())
    well = predicted <= 1e-5 and steps == 3 and same and (draws or weights <= 1e-6)
    print("%-8s %-32s predictions %.1e  steps %d  weights file %s  next step %.1e  %s"
          % (keras.__version__, os.path.basename(stem) + ".keras", predicted, steps, "equal" if same else "DIFFERS", weights,
             "ok" if well else "WRONG"))
    return well


def networks(keras):
    """Networks for Manul to read: {name: model}."""
    L = keras.layers
    chain = keras.Sequential([
        keras.Input((14, 14, 3)), L.RandomFlip(), L.Rescaling(1 / 2, offset=[0.1, 0.2, -0.1]), L.Conv2D(6, 3, padding="same", use_bias=False, kernel_initializer=keras.initializers.HeNormal(seed=3)),
        L.BatchNormalization(), L.ReLU(6.0), L.DepthwiseConv2D(3, strides=2, padding="same"), L.SeparableConv2D(5, 2),
        L.PReLU(shared_axes=[1, 2]), L.Conv2DTranspose(4, 3, strides=2), L.LeakyReLU(), L.UpSampling2D(), L.ZeroPadding2D(1),
        L.Cropping2D(((1, 2), (0, 1))), L.AveragePooling2D(2), L.SpatialDropout2D(0.2), L.LayerNormalization(), L.Flatten(),
        L.Dropout(0.3, seed=11), L.Dense(7, "gelu"), L.GaussianNoise(0.1), L.Dense(3, "softmax")], name="chain")
    picture, facts = keras.Input((8, 8, 3), name="picture"), keras.Input((5,), name="facts")
    x = L.GlobalMaxPooling2D()(L.Conv2D(4, 3, activation="elu")(picture))
    shared = L.Dense(4, "tanh", name="shared")
    y = shared(facts)
    merged = L.Concatenate()([x, y, L.Average()([x, y]), L.Subtract()([x, y]), L.Minimum()([x, y]), L.Dot(1)([x, y])])
    two = keras.Model([picture, facts], [L.Dense(2, "softmax", name="left")(merged), L.Dense(1, name="right")(L.Multiply()([x, y]))],
                      name="two")
    i = keras.Input((16, 16, 3))
    z = L.Reshape((16, 8))(L.Conv2D(8, 4, strides=4)(i))
    z = L.Add()([z, L.MultiHeadAttention(2, 4, dropout=0.1)(z, z)])
    transformer = keras.Model(i, L.Dense(3, "softmax")(L.GlobalAveragePooling1D()(L.LayerNormalization(epsilon=1e-6)(z))), name="transformer")
    base = keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(4, 3), L.GlobalAveragePooling2D()], name="base")
    i = keras.Input((8, 8, 3))
    nested = keras.Model(i, L.Dense(2, "sigmoid")(base(i)), name="nested")
    return {"chain": chain, "two": two, "transformer": transformer, "nested": nested}


def write(folder):
    """Files for Manul to read, and what Keras makes of them."""
    import h5py
    import keras
    import numpy as np

    random = np.random.default_rng(7)
    for name, model in networks(keras).items():
        model.set_weights([np.abs(random.normal(0.2, 0.3, w.shape)).astype(np.float32) if "variance" in v.name
                           else random.normal(0, 0.3, w.shape).astype(np.float32) for v, w in zip(model.weights, model.get_weights())])
        inputs = [random.uniform(-1, 1, (5, *i.shape[1:])).astype(np.float32) for i in model.inputs]
        outputs = predictions(model, inputs)
        model.compile(keras.optimizers.Adam(0.01), loss=["mean_squared_error"] * len(outputs) if len(outputs) > 1 else "mean_squared_error")
        model.train_on_batch(as_argument(inputs), as_argument(outputs))
        outputs = predictions(model, inputs)
        stem = os.path.join(folder, name)
        model.save(stem + ".h5")
        if keras.__version__.startswith("3"):
            model.save(stem + ".keras")
            model.save_weights(stem + ".weights.h5")
        with h5py.File(stem + ".batch.h5", "w") as file:
            for key, arrays in (("input", inputs), ("output", outputs)):
                for i, array in enumerate(arrays):
                    file.create_dataset("%s_%d" % (key, i), data=array)


def compare_again(folder):
    """Files that Keras wrote and Manul wrote again (NAME.again*): predictions, by the Keras of this interpreter."""
    import h5py
    import keras

    keras3, well = keras.__version__.startswith("3"), True
    for path in sorted(glob.glob(folder + "/*.again*")):
        stem = path[:path.index(".again")]
        if path.endswith(".keras") and not keras3 or path.endswith(".h5") and keras3 and os.path.basename(stem) == "transformer":
            continue
        with h5py.File(stem + ".batch.h5") as file:
            inputs, outputs = numbered(file, "input"), numbered(file, "output")
        try:
            predicted = furthest(predictions(keras.models.load_model(path), inputs), outputs)
            text = "predictions %.1e  %s" % (predicted, "ok" if predicted <= 1e-5 else "WRONG")
        except Exception as error:  # noqa: BLE001: whatever Keras raises is what is asked for
            text = "%s  WRONG" % str(error).strip().replace("\n", " ")[:600]
        well = well and text.endswith("ok")
        print("%-8s %-32s %s" % (keras.__version__, os.path.basename(path), text))
    return 0 if well else 1


def compare_folder(folder, _):
    stems = sorted(name[:-len(".batch.h5")] for name in glob.glob(folder + "/*.batch.h5"))
    return 0 if stems and all([compare(stem) for stem in stems]) else 1


def compare_both(turns, _):
    with turns.folder() as folder:
        turns.manul(folder)
        for python in turns.pythons:
            turns.keras(python, "--folder", folder)
    for python in turns.pythons:
        with turns.folder() as folder:
            turns.keras(python, "--write", folder)
            print("read by Manul, as written by", python, flush=True)
            turns.manul("--check", folder)
            for other in turns.pythons:
                turns.keras(other, "--again", folder)


if __name__ == "__main__":
    sys.exit(both_keras.main(__file__, __doc__, ("export", "manul_keras_export"), {
        "folder": ("compare the files in it", compare_folder),
        "again": ("compare the files NAME.again* in this folder", lambda folder, _: compare_again(folder)),
        "write": ("write files to this folder", lambda folder, _: write(folder)),
    }, compare_both))
