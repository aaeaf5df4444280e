"""Opens files that Manul saved in tf.keras 2.15 and in Keras 3 and compares what they make of them with what Manul does.

usage: compare_files.py --export build/tests/keras_export --keras2 PYTHON --keras3 PYTHON

PYTHON is an interpreter of an environment with that Keras (made once by python3 -m venv):
    keras2: pip install tensorflow-cpu==2.15.1          keras3: pip install tensorflow-cpu "keras>=3.8"
keras_export is built by: cmake --build build --target keras_export

Asked of both: the same predictions (1e-5) and loss (1e-6 relative) on a batch. Of tf.keras 2.15: that its next step of
training gives the weights that Manul's gives (1e-6), with the optimizer's state from the file; left out are the moving
variances of BatchNormalization, which Manul and Keras 3 update by the biased variance and tf.keras by the unbiased one.
Of Keras 3, which restores the optimizer's state of no .h5 file: that it trains, from a fresh optimizer; and of the same
model's .keras file that its next step gives Manul's weights, and that the .weights.h5 file loads into it. Exit code 1 if one of these
does not hold.
"""
import argparse
import glob
import os
import subprocess
import sys
import tempfile


def compare(stem):
    """One line of figures of the model `stem`, by the Keras of this interpreter; whether all is well."""
    import h5py
    import keras
    import numpy as np

    keras3 = keras.__version__.startswith("3")
    with h5py.File(stem + ".batch.h5") as f:
        x, y, output, loss = (f[name][()] for name in ("input", "labels", "output", "loss"))
    model = keras.models.load_model(stem + ".h5")
    predicted = float(np.abs(np.asarray(model(x, training=False)) - output).max())
    steps = int(np.asarray(model.optimizer.iterations))
    if keras3:  # its loader builds the optimizer for no variables: see the text above
        model.compile(type(model.optimizer).from_config(model.optimizer.get_config()), loss=model.loss, metrics=["accuracy"])
    before = [w.copy() for w in model.get_weights()]
    own_loss = float(model.train_on_batch(x, y, return_dict=True)["loss"])
    loss_difference = abs(own_loss - float(loss)) / abs(float(loss))
    after = keras.models.load_model(stem + ".after.h5", compile=False)
    weights = max(float(np.abs(a - b).max()) for w, a, b in zip(model.weights, model.get_weights(), after.get_weights())
                  if "moving_variance" not in w.name)
    moved = max(float(np.abs(a - b).max()) for a, b in zip(model.get_weights(), before))
    well = predicted <= 1e-5 and loss_difference <= 1e-6 and moved > 1e-4 and (keras3 or (weights <= 1e-6 and steps == 3))
    print("%-8s %-20s predictions %.1e  loss %.1e  steps %d  moved %.1e  next step %s  %s"
          % (keras.__version__, os.path.basename(stem), predicted, loss_difference, steps, moved,
             "fresh" if keras3 else "%.1e" % weights, "ok" if well else "WRONG"))
    return well and (not keras3 or compare_archive(stem, x, y, output, after))


def compare_archive(stem, x, y, output, after):
    """The same of the model's .keras and .weights.h5 files, by Keras 3."""
    import keras
    import numpy as np

    model = keras.models.load_model(stem + ".keras")
    predicted = float(np.abs(np.asarray(model(x, training=False)) - output).max())
    steps = int(np.asarray(model.optimizer.iterations))
    fresh = keras.models.clone_model(model)
    fresh.load_weights(stem + ".weights.h5")
    same = all((a == b).all() for a, b in zip(model.get_weights(), fresh.get_weights()))
    model.train_on_batch(x, y)
    weights = max(float(np.abs(a - b).max()) for a, b in zip(model.get_weights(), after.get_weights()))
    well = predicted <= 1e-5 and steps == 3 and same and weights <= 1e-6
    print("%-8s %-20s predictions %.1e  steps %d  weights file %s  next step %.1e  %s"
          % (keras.__version__, os.path.basename(stem) + ".keras", predicted, steps, "equal" if same else "DIFFERS", weights,
             "ok" if well else "WRONG"))
    return well


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--export")
    parser.add_argument("--keras2")
    parser.add_argument("--keras3")
    parser.add_argument("--folder", help="compare the files in it, by the Keras of this interpreter")
    arguments = parser.parse_args()
    if arguments.folder:
        stems = sorted(name[:-len(".batch.h5")] for name in glob.glob(arguments.folder + "/*.batch.h5"))
        return 0 if stems and all([compare(stem) for stem in stems]) else 1
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", TF_ENABLE_ONEDNN_OPTS="0")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([arguments.export, folder], check=True)
        codes = [subprocess.run([python, __file__, "--folder", folder], env=environment).returncode
                 for python in (arguments.keras2, arguments.keras3) if python]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
