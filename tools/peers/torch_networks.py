"""The networks of bench in PyTorch, and what a training step or a prediction of them takes: prints milliseconds and MiB.

    PYTHONPATH=tools python3 -m peers.torch_networks step resnet18 256 224 cuda tf32 2
"""

import os
import sys

import torch
from peers.clock import measurement, milliseconds_a_call
from torch import nn


def unet32():
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


def vgg11():
    layers, channels = [], 3
    for block in ([64], [128], [256, 256], [512, 512], [512, 512]):
        for filters in block:
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def residual_network(name):
    """ResNet-18 and -50 (He et al. 2015), as torchvision has them: it need not be installed."""

    def convolution(inputs, outputs, kernel, stride=1):
        return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs))

    class Block(nn.Module):
        def __init__(self, inputs, width, stride, deep):
            super().__init__()
            outputs = 4 * width if deep else width
            relu = nn.ReLU(inplace=True)
            if deep:
                self.body = nn.Sequential(convolution(inputs, width, 1), relu, convolution(width, width, 3, stride), relu,
                                          convolution(width, outputs, 1))
            else:
                self.body = nn.Sequential(convolution(inputs, width, 3, stride), relu, convolution(width, outputs, 3))
            self.skip = convolution(inputs, outputs, 1, stride) if stride != 1 or inputs != outputs else nn.Identity()
            self.relu = relu

        def forward(self, x):
            return self.relu(self.body(x) + self.skip(x))

    deep = name == "resnet50"
    layers = [convolution(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for stage, count in enumerate([3, 4, 6, 3] if deep else [2, 2, 2, 2]):
        width = 64 << stage
        for block in range(count):
            layers.append(Block(inputs, width, 2 if block == 0 and stage > 0 else 1, deep))
            inputs = 4 * width if deep else width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1000)]
    return nn.Sequential(*layers)


def network(name):
    if name in ("resnet18", "resnet50"):
        return residual_network(name)
    if name in ("unet32", "vgg11"):
        return globals()[name]()
    import torchvision

    if name == "vit_s16":
        return torchvision.models.VisionTransformer(224, 16, 12, 6, 384, 1536, num_classes=1000)
    known = {"mobilenetv2": "mobilenet_v2", "efficientnetb0": "efficientnet_b0"}
    return getattr(torchvision.models, known[name])(num_classes=1000)


def milliseconds_as_graph(run, name, wait, seconds):
    """As a CUDA graph; None where it cannot be one."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            run()
        return milliseconds_a_call(graph.replay, wait, seconds)
    except RuntimeError as error:
        print(f"{name}: no CUDA graph: {error}", file=sys.stderr)
        return None


def measure(what, name, batch, side, device, precision, seconds):
    """Milliseconds of a training step with Adam or of a prediction, and MiB at most: the better of eager and, on a
    GPU, a CUDA graph; normalizations of predictions folded into convolutions by nobody, as PyTorch does not by
    itself."""
    torch.set_num_threads(os.cpu_count())
    torch.set_flush_denormal(True)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "f32"
    torch.backends.cudnn.benchmark = True
    cuda = device == "cuda"
    model = network(name).to(device, memory_format=torch.channels_last)
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
    if not cuda:
        return best, 0
    memory = torch.cuda.max_memory_allocated() >> 20
    optimizer.zero_grad(set_to_none=True)
    return min(best, milliseconds_as_graph(run, name, wait, seconds) or best), memory


if __name__ == "__main__":
    print(*measure(*measurement(sys.argv[1:])))
