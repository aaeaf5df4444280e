#!/usr/bin/env python3
"""Measures Manul against TensorFlow/Keras and PyTorch: the training step of the article's network on a batch in memory,
with --data the whole job and the start of predict, with --networks training steps and predictions of other networks.
Prints medians in milliseconds and ratios.

The peers run at their best: TensorFlow as it comes, compiled by Keras' train_step in a tf.function; PyTorch with
channels_last, fused Adam, relu after the pool, denormals flushed and malloc kept from giving pages back (on a GPU:
the compiled step in a CUDA graph). Rounds alternate between the programs, so that all see the same machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from peers.clock import milliseconds_a_call

CASES = [(3, 32), (3, 256), (1, 32), (1, 256)]
TORCH_ENVIRONMENT = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000",
                     "MALLOC_TOP_PAD_": "268435456"}


def torch_step(stride, batch, device, seconds):
    import torch
    from torch import nn

    torch.set_num_threads(os.cpu_count())
    torch.set_flush_denormal(True)
    side = ((64 - 3) // stride + 1) // 2
    model = nn.Sequential(nn.Conv2d(3, 32, 3, stride), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(),
                          nn.Linear(32 * side * side, 128), nn.ReLU(), nn.Linear(128, 1))
    model = model.to(device, memory_format=torch.channels_last)
    x = torch.rand(batch, 3, 64, 64, device=device).to(memory_format=torch.channels_last)
    y = (torch.arange(batch, device=device) % 2).float().unsqueeze(1)
    loss_function = nn.BCEWithLogitsLoss()
    cuda = device.startswith("cuda")
    optimizer = torch.optim.Adam(model.parameters(), eps=1e-7, fused=True, capturable=cuda)

    def step():
        optimizer.zero_grad(set_to_none=not cuda)
        loss_function(model(x), y).backward()
        optimizer.step()

    if not cuda:
        return milliseconds_a_call(step, lambda: None, seconds)
    model.forward = torch.compile(model.forward)
    side_stream = torch.cuda.Stream()
    with torch.cuda.stream(side_stream):
        for _ in range(5):
            step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return milliseconds_a_call(lambda: [graph.replay() for _ in range(20)], torch.cuda.synchronize, seconds) / 20


def tensorflow_step(stride, batch, device, seconds):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    layers = tf.keras.layers
    model = tf.keras.Sequential([
        layers.Conv2D(32, 3, strides=stride, activation="relu", input_shape=(64, 64, 3)), layers.MaxPooling2D(2),
        layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    x = tf.random.uniform((batch, 64, 64, 3))
    y = tf.cast(tf.range(batch) % 2, tf.float32)[:, None]
    train = tf.function(lambda: model.train_step((x, y)))
    return milliseconds_a_call(train, lambda: None, seconds)


def manul_network(bench, what, name, batch, side, device, precision, seconds):
    row = f"network_{what}/{name}/batch:{batch}/side:{side}/device:{'cuda:0' if device == 'cuda' else device}"
    row += "" if precision == "f32" else "/" + precision
    command = [bench, f"--benchmark_filter=^{row}$", f"--benchmark_min_time={seconds}", "--benchmark_format=json"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    measured = json.loads(output)["benchmarks"][0]
    return measured["real_time"], int(measured["peak_MiB"])


def network_cases(options):
    """(what, network, batch, side, precision): the rows that bench has for this device."""
    large = {"resnet18": (256, 224), "resnet50": (256, 224), "mobilenetv2": (256, 224), "efficientnetb0": (256, 224),
             "unet32": (32, 256), "vit_s16": (256, 224), "vgg11": (256, 224)}
    chosen = {name: size for name, size in large.items() if not options.only or name in options.only}
    for name, (batch, side) in chosen.items():
        if options.device == "cpu":
            if name != "vit_s16":  # torchvision's takes pictures of 224 pixels alone
                yield "step", name, 32, 64, "f32"
                yield "predict", name, 32, 64, "f32"
            yield "predict", name, 1, side, "f32"
            continue
        for precision in options.precisions:
            yield "step", name, batch, side, precision
            yield "predict", name, batch, side, precision
            yield "predict", name, 1, side, precision


def compare_networks(options):
    bench = os.path.join(options.build, "bench")
    measures = {"Manul": lambda case: manul_network(bench, *case)}
    if options.torch_python:
        measures["PyTorch"] = lambda case: numbers_of_child(
            [options.torch_python, "-m", "peers.torch_networks", *case], TORCH_ENVIRONMENT)
    if options.keras_python:
        measures["Keras"] = lambda case: numbers_of_child(
            [options.keras_python, "-m", "peers.keras_networks", *case])
    print(f"Networks, milliseconds and (on a GPU) MiB at most, {options.device}, median of {options.rounds} "
          "alternating rounds")
    print(f"{'':<42}" + "".join(f" {name:>18}" for name in measures) + "  Manul / best peer")
    for what, name, batch, side, precision in network_cases(options):
        runs = {peer: [] for peer in measures}
        for _ in range(options.rounds):
            for peer, measure in measures.items():
                runs[peer].append(measure((what, name, batch, side, options.device, precision, options.seconds)))
        medians = {peer: [statistics.median(column) for column in zip(*run)] for peer, run in runs.items() if run}
        peers = [value[0] for peer, value in medians.items() if peer != "Manul"]
        ratio = f"{medians['Manul'][0] / min(peers):.3f}" if peers else "-"
        cells = [f"{medians[peer][0]:>9.3f} ({medians[peer][1]:>6.0f})" if peer in medians else "" for peer in measures]
        print(f"{what + ' ' + name + f' {batch} {side} ' + precision:<42}" + "".join(f" {c:>18}" for c in cells) +
              f"  {ratio}", flush=True)


def manul_step(bench, stride, batch, device, seconds):
    name = f"train_step/stride:{stride}/batch:{batch}/device:{'cuda:0' if device == 'cuda' else device}"
    command = [bench, f"--benchmark_filter=^{name}$", f"--benchmark_min_time={seconds}", "--benchmark_format=json"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output)["benchmarks"][0]["real_time"]


def numbers_of_child(command, environment=None):
    """The numbers in the last line that a program prints."""
    tools = os.path.dirname(os.path.abspath(__file__))
    modules = os.pathsep.join(filter(None, [tools, os.environ.get("PYTHONPATH")]))
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": modules, **(environment or {})})
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {(done.stderr.splitlines() or ['no message'])[-1]}")
    return [float(number) for number in done.stdout.splitlines()[-1].split()]


def in_child(python, role, arguments, environment=None):
    """What this file prints as `role` with another interpreter."""
    return numbers_of_child([python, os.path.abspath(__file__), "--role", role, *arguments], environment)[0]


ARTICLE = """
import sys
from keras.models import Sequential
from keras.layers import Convolution2D, MaxPooling2D, Dense, Flatten
from keras.preprocessing.image import ImageDataGenerator
data, test, epochs, output = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
train = ImageDataGenerator(rescale=1. / 255, shear_range=0.2, zoom_range=0.2, horizontal_flip=True)
flow = dict(target_size=(64, 64), batch_size=32, class_mode='binary')
model = Sequential([Convolution2D(32, 3, 3, input_shape=(64, 64, 3), activation='relu'), MaxPooling2D((2, 2)),
                    Flatten(), Dense(128, activation='relu'), Dense(1, activation='sigmoid')])
model.compile(optimizer='adam', loss='binary_crossentropy', metrics=['accuracy'])
model.fit(train.flow_from_directory(data, **flow), epochs=epochs,
          validation_data=ImageDataGenerator(rescale=1. / 255).flow_from_directory(test, **flow), verbose=2)
model.save(output)
"""

RECOGNIZE = """
import sys
import numpy as np
from keras.models import load_model
import keras.utils as image
picture = image.img_to_array(image.load_img(sys.argv[2], target_size=(64, 64))) / 255
p = load_model(sys.argv[1]).predict(np.expand_dims(picture, 0), verbose=0)[0][0]
print(p)
"""


def wall_and_memory(command):
    """Seconds and peak MB of a command. Its output is not shown."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: ended with status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def compare_steps(options):
    measures = {"Manul": lambda s, b: manul_step(os.path.join(options.build, "bench"), s, b, options.device,
                                                 options.seconds)}
    if options.tensorflow_python and options.device == "cpu":
        measures["TensorFlow"] = lambda s, b: in_child(
            options.tensorflow_python, "tensorflow", [s, b, options.device, options.seconds])
    if options.torch_python:
        measures["PyTorch"] = lambda s, b: in_child(
            options.torch_python, "torch", [s, b, options.device, options.seconds], TORCH_ENVIRONMENT)
    print(f"Training step, milliseconds, {options.device}, median of {options.rounds} alternating rounds")
    print(f"{'stride':>6} {'batch':>6}" + "".join(f" {name:>11}" for name in measures) + "  Manul / best peer")
    for stride, batch in CASES:
        times = {name: [] for name in measures}
        for _ in range(options.rounds):
            for name, measure in measures.items():
                times[name].append(measure(stride, batch))
        medians = {name: statistics.median(values) for name, values in times.items()}
        peers = [value for name, value in medians.items() if name != "Manul"]
        ratio = f"{medians['Manul'] / min(peers):.3f}" if peers else "-"
        print(f"{stride:>6} {batch:>6}" + "".join(f" {value:>11.3f}" for value in medians.values()) + f"  {ratio}",
              flush=True)


def compare_jobs(options):
    """The whole job and the start of predict, against the article's program in the TensorFlow environment."""
    data, test = options.data, os.path.join(os.path.dirname(os.path.abspath(options.data)), "test_set")
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "trained_model.h5")
        picture = next(os.path.join(top, name) for top, _, names in sorted(os.walk(test)) for name in sorted(names))
        manul = os.path.join(options.build, "train_catdog")
        jobs = {f"job, {options.epochs} epochs": {
                    "Manul": [manul, "--data", data, "--epochs", str(options.epochs), "--output", model, "--device",
                              options.device],
                    "TensorFlow": ["-c", ARTICLE, data, test, str(options.epochs), os.path.join(folder, "keras.h5")]},
                "predict, one picture": {
                    "Manul": [os.path.join(options.build, "predict"), model, picture],
                    "TensorFlow": ["-c", RECOGNIZE, model, picture]}}
        print(f"\n{'':24} {'program':>11} {'seconds':>9} {'MB':>6}")
        for what, commands in jobs.items():
            if options.tensorflow_python:
                commands["TensorFlow"].insert(0, options.tensorflow_python)
            else:
                del commands["TensorFlow"]
            runs = {name: [] for name in commands}
            for _ in range(options.rounds if what.startswith("predict") else options.job_rounds):
                for name, command in commands.items():
                    runs[name].append(wall_and_memory(command))
            for name, measured in runs.items():
                seconds, memory = (statistics.median(column) for column in zip(*measured))
                print(f"{what:24} {name:>11} {seconds:>9.3f} {memory:>6.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/tools", help="folder of the built programs")
    parser.add_argument("--tensorflow-python", help="interpreter that has TensorFlow 2.15 with Keras")
    parser.add_argument("--torch-python", help="interpreter that has PyTorch")
    parser.add_argument("--keras-python", help="of --networks: interpreter that has Keras 2.15 on TensorFlow (CPU), or, "
                        "with KERAS_BACKEND=jax, Keras 3 on JAX")
    parser.add_argument("--data", help="training_set folder, with test_set beside it: measures the whole job, too")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--job-rounds", type=int, default=1, help="of the whole job, which takes minutes")
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--networks", action="store_true", help="other networks in place of the article's")
    parser.add_argument("--only", nargs="+", metavar="NETWORK", help="some of them")
    parser.add_argument("--precisions", nargs="+", choices=["f32", "tf32", "bf16"], default=["f32", "tf32", "bf16"],
                        help="of the networks on a GPU")
    parser.add_argument("--role", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        role, *arguments = options.role
        function = {"torch": torch_step, "tensorflow": tensorflow_step}[role]
        print(function(*[int(a) if a.isdigit() else a for a in arguments[:-1]], float(arguments[-1])))
        return
    if options.networks:
        compare_networks(options)
        return
    compare_steps(options)
    if options.data:
        compare_jobs(options)


if __name__ == "__main__":
    sys.exit(main())
