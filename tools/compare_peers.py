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

CASES = [(3, 32), (3, 256), (1, 32), (1, 256)]
TORCH_ENVIRONMENT = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000",
                     "MALLOC_TOP_PAD_": "268435456"}


def milliseconds_a_call(step, wait, seconds):
    """Median of single calls, after some that are not counted, for about `seconds`."""
    for _ in range(3):
        step()
    wait()
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        step()
        wait()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


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


class PeerNetworks:
    """The networks of bench in PyTorch, of torchvision where that has them."""

    @staticmethod
    def unet32():
        import torch
        from torch import nn

        def block(channels, filters):
            layers = []
            for inputs in (channels, filters):
                layers += [nn.Conv2d(inputs, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
            return nn.Sequential(*layers)

        class UNet(nn.Module):
            def __init__(self):
                super().__init__()
                widths = [32 << level for level in range(5)]
                self.down = nn.ModuleList(block(a, b) for a, b in zip([3] + widths, widths))
                self.up = nn.ModuleList(nn.ConvTranspose2d(widths[i + 1], widths[i], 2, 2) for i in range(4))
                self.joined = nn.ModuleList(block(2 * widths[i], widths[i]) for i in range(4))
                self.classes = nn.Conv2d(32, 2, 1)

            def forward(self, x):
                skips = []
                for level, down in enumerate(self.down):
                    x = down(x if level == 0 else nn.functional.max_pool2d(x, 2))
                    skips.append(x)
                for level in reversed(range(4)):
                    x = self.joined[level](torch.cat([self.up[level](x), skips[level]], 1))
                return self.classes(x)

        return UNet()

    @staticmethod
    def vgg11():
        from torch import nn

        layers, channels = [], 3
        for block in ([64], [128], [256, 256], [512, 512], [512, 512]):
            for filters in block:
                layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]
                channels = filters
            layers.append(nn.MaxPool2d(2))
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))

    @staticmethod
    def make(name):
        import torchvision

        if name in ("unet32", "vgg11"):
            return getattr(PeerNetworks, name)()
        if name == "vit_s16":
            return torchvision.models.VisionTransformer(224, 16, 12, 6, 384, 1536, num_classes=1000)
        known = {"mobilenetv2": "mobilenet_v2", "efficientnetb0": "efficientnet_b0"}
        return getattr(torchvision.models, known.get(name, name))(num_classes=1000)


def torch_network(what, name, batch, side, device, precision, seconds):
    """Milliseconds of a training step with Adam or of a prediction, and MiB at most: the better of eager and, on a
    GPU, a CUDA graph; normalizations of predictions folded into convolutions by nobody, as PyTorch does not by
    itself."""
    import torch
    from torch import nn

    torch.set_num_threads(os.cpu_count())
    torch.set_flush_denormal(True)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "f32"
    torch.backends.cudnn.benchmark = True
    cuda = device == "cuda"
    model = PeerNetworks.make(name).to(device, memory_format=torch.channels_last)
    x = torch.rand(batch, 3, side, side, device=device).contiguous(memory_format=torch.channels_last)
    y = torch.randint(0, 2, (batch, side, side) if name == "unet32" else (batch,), device=device)
    mixed = torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16")
    optimizer = torch.optim.Adam(model.parameters(), fused=True, capturable=cuda)
    model.train(what == "step")

    def train():
        optimizer.zero_grad(set_to_none=True)
        with mixed:
            loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()

    def predict():
        with torch.inference_mode(), mixed:
            model(x)

    run, wait = train if what == "step" else predict, torch.cuda.synchronize if cuda else lambda: None
    best = milliseconds_a_call(run, wait, seconds)
    memory = torch.cuda.max_memory_allocated() >> 20 if cuda else 0
    if not cuda:
        return best, memory
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    optimizer.zero_grad(set_to_none=True)
    try:
        with torch.cuda.graph(graph):
            run()
        best = min(best, milliseconds_a_call(graph.replay, wait, seconds))
    except RuntimeError as error:
        print(f"{name}: no CUDA graph: {error}", file=sys.stderr)
    return best, memory


def keras_network(what, name, batch, side, device, precision, seconds):
    """The same with Keras on TensorFlow, of the networks of keras.applications; in f32 on a CPU."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    known = {"resnet50": "ResNet50", "mobilenetv2": "MobileNetV2", "efficientnetb0": "EfficientNetB0"}
    model = getattr(tf.keras.applications, known[name])(weights=None, input_shape=(side, side, 3), classes=1000)
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = tf.random.uniform((batch, side, side, 3)), tf.range(batch) % 2
    if what == "step":
        run = tf.function(lambda: model.train_step((x, y)))
    else:
        run = tf.function(lambda: model(x, training=False))
    return milliseconds_a_call(run, lambda: None, seconds), 0


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
        measures["PyTorch"] = lambda case: numbers_of_child(options.torch_python, "torch_network", case,
                                                            TORCH_ENVIRONMENT)
    if options.tensorflow_python and options.device == "cpu":
        measures["Keras"] = lambda case: numbers_of_child(options.tensorflow_python, "keras_network", case)
    print(f"Networks, milliseconds and (on a GPU) MiB at most, {options.device}, median of {options.rounds} "
          "alternating rounds")
    print(f"{'':<42}" + "".join(f" {name:>18}" for name in measures) + "  Manul / best peer")
    for what, name, batch, side, precision in network_cases(options):
        runs = {peer: [] for peer in measures}
        for _ in range(options.rounds):
            for peer, measure in measures.items():
                if peer == "Keras" and name not in ("resnet50", "mobilenetv2", "efficientnetb0"):
                    continue
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


def numbers_of_child(python, role, arguments, environment=None):
    """Runs this file as `role` with another interpreter and returns the numbers in the last line that it prints."""
    command = [python, os.path.abspath(__file__), "--role", role] + [str(a) for a in arguments]
    output = subprocess.run(command, check=True, capture_output=True, text=True,
                            env={**os.environ, **(environment or {})}).stdout
    return [float(number) for number in output.splitlines()[-1].split()]


def in_child(python, role, arguments, environment=None):
    return numbers_of_child(python, role, arguments, environment)[0]


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
        function = {"torch": torch_step, "tensorflow": tensorflow_step, "torch_network": torch_network,
                    "keras_network": keras_network}[role]
        numbers = function(*[int(a) if a.isdigit() else a for a in arguments[:-1]], float(arguments[-1]))
        print(*(numbers if isinstance(numbers, tuple) else [numbers]))
        return
    if options.networks:
        compare_networks(options)
        return
    compare_steps(options)
    if options.data:
        compare_jobs(options)


if __name__ == "__main__":
    sys.exit(main())
