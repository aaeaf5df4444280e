#!/usr/bin/env python3
"""Measures how training gets faster with several processes: steps by 1 and by N of them (a GPU each), Manul and, where
it is installed, PyTorch's DistributedDataParallel at its best (channels_last, fused Adam, bf16 autocast where asked for,
gradients in the buckets). Rounds alternate; medians are printed, and how many times the pictures a second of one process
N have. "apart" are N of Manul at once that know nothing of each other: what is left to "N" is the sums. At the end sums by
their size, for the constants of docs/scale.md.

    tools/compare_processes.py --build build/gpu --processes 2 --rounds 3
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

# network, batch of each process, side, bf16
CASES = [("resnet50", 256, 224, True), ("resnet18", 256, 64, True), ("resnet18", 256, 64, False), ("catdog", 2048, 64, False)]


def torch_network(name, side):
    from peers.torch_networks import residual_network
    from torch import nn

    if name == "catdog":
        pooled = ((side - 3) // 3 + 1) // 2
        return nn.Sequential(nn.Conv2d(3, 32, 3, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(),
                             nn.Linear(32 * pooled * pooled, 128), nn.ReLU(), nn.Linear(128, 2))
    return residual_network(name)


def torch_worker(name, batch, side, bf16, seconds):
    import torch
    import torch.distributed as dist
    from torch import nn

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    device = torch.device("cuda", rank)
    torch.cuda.set_device(device)
    torch.backends.cudnn.benchmark = True
    if size > 1:
        dist.init_process_group("nccl")
    model = torch_network(name, side).to(device, memory_format=torch.channels_last)
    if size > 1:
        model = nn.parallel.DistributedDataParallel(model, device_ids=[rank], gradient_as_bucket_view=True)
    x = torch.rand(batch, 3, side, side, device=device).to(memory_format=torch.channels_last)
    y = torch.arange(batch, device=device) % 2
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    loss_function = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16, enabled=bf16):
            loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()

    for _ in range(15):
        step()
    torch.cuda.synchronize()
    times = []
    begin = time.perf_counter()
    for _ in range(max(5, 10000)):
        start = time.perf_counter()
        for _ in range(10):
            step()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 100)
        enough = torch.tensor([time.perf_counter() - begin > seconds], device=device, dtype=torch.int32)
        if size > 1:
            dist.all_reduce(enough)
        if enough.item() > 0:
            break
    if rank == 0:
        print(f"{size} processes: {statistics.median(times):.4f} ms a step")
    if size > 1:
        dist.destroy_process_group()


def milliseconds_in(output):
    for line in output.splitlines():
        if " ms a step" in line:
            return float(line.split(": ")[1].split(" ms")[0])
    return None


def milliseconds(command, environment):
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if (found := milliseconds_in(result.stdout)) is None:
        sys.stderr.write(f"failed ({result.returncode}): {' '.join(command)}\n{result.stdout[-1000:]}{result.stderr[-2000:]}\n")
    return found


def by_mpirun(processes, command):
    return ["mpirun", "--allow-run-as-root", "--bind-to", "none", "-n", str(processes)] + command


def manul_command(arguments, case):
    name, batch, side, bf16 = case
    command = [os.path.join(arguments.build, "tools", "bench_processes"), "--device", arguments.device, "--network", name,
               "--batch", str(batch), "--side", str(side), "--seconds", str(arguments.seconds)]
    if arguments.device != "cpu":
        command.append("--tf32")
    if bf16:
        command.append("--bf16")
    if arguments.bf16_sums:
        command.append("--bf16-sums")
    return command


def precision_of(arguments, case):
    return "bf16" if case[3] else "f32" if arguments.device == "cpu" else "TF32"


def manul(arguments, case, processes):
    command = manul_command(arguments, case)
    return milliseconds(by_mpirun(processes, command) if processes > 1 else command, os.environ)


def manul_apart(arguments, case):
    """The slowest of N processes that run at once, each on a GPU or a share of the cores."""
    command = manul_command(arguments, case)
    if arguments.device == "cpu":
        command += ["--threads", str(max(1, (os.cpu_count() or 1) // arguments.processes))]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                env={**os.environ, "CUDA_VISIBLE_DEVICES": str(gpu)}) for gpu in range(arguments.processes)]
    times = [milliseconds_in(process.communicate()[0]) for process in started]
    return None if None in times else max(times)


def print_sums(arguments):
    command = [os.path.join(arguments.build, "tools", "bench_processes"), "--device", arguments.device, "--sums"]
    result = subprocess.run(by_mpirun(arguments.processes, command), capture_output=True, text=True)
    print(f"sums of f32, {arguments.processes} processes\n{result.stdout if result.returncode == 0 else result.stderr[-2000:]}")


def torch(arguments, case, processes):
    name, batch, side, bf16 = case
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}", __file__,
               "--torch-worker", name, str(batch), str(side), str(int(bf16)), str(arguments.seconds)]
    return milliseconds(command, os.environ)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="build folder of Manul")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--cases", default="", help="networks to measure, with commas; all without it")
    parser.add_argument("--bf16-sums", action="store_true", help="Manul adds gradients in bf16")
    parser.add_argument("--no-torch", action="store_true")
    parser.add_argument("--torch-worker", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.torch_worker:
        name, batch, side, bf16, seconds = arguments.torch_worker
        return torch_worker(name, int(batch), int(side), bool(int(bf16)), float(seconds))
    sides = {"manul": manul}
    if not arguments.no_torch and arguments.device != "cpu":
        try:
            import torch as _  # noqa: F401
            sides["torch"] = torch
        except ImportError:
            print("PyTorch is not installed: Manul alone")
    print(f"{'case':<34} {'program':<8} {'1: ms':>10} {f'{arguments.processes}: ms':>10} {'times':>7} {'apart: ms':>10}")
    for case in CASES:
        if arguments.cases and case[0] not in arguments.cases.split(","):
            continue
        times = {}
        for _ in range(arguments.rounds):
            for side, measure in sides.items():
                for processes in (1, arguments.processes):
                    if (found := measure(arguments, case, processes)) is not None:
                        times.setdefault((side, processes), []).append(found)
            if (found := manul_apart(arguments, case)) is not None:
                times.setdefault(("manul", "apart"), []).append(found)
        label = f"{case[0]} batch {case[1]} side {case[2]} {precision_of(arguments, case)}"
        for side in sides:
            one, many = (times.get((side, count)) for count in (1, arguments.processes))
            if not one or not many:
                print(f"{label:<34} {side:<8} failed")
                continue
            one, many = statistics.median(one), statistics.median(many)
            line = f"{label:<34} {side:<8} {one:10.4f} {many:10.4f} {arguments.processes * one / many:7.3f}"
            if apart := times.get((side, "apart")):
                line += f" {statistics.median(apart):10.4f}"
            print(line, flush=True)
    print_sums(arguments)
    return None


if __name__ == "__main__":
    sys.exit(main())
