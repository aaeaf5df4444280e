#!/usr/bin/env python3
"""Reads the event files of a run with TensorBoard's own loader and compares them with the run's history.csv.

    pip install tensorboard
    train_catdog --epochs 3 --tensorboard && tests/tensorboard/read_back.py runs/train

The build needs neither this nor TensorBoard.
"""

import csv
import pathlib
import struct
import sys

from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.compat.proto import graph_pb2
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c


def accumulator(folder):
    """All events that TensorBoard finds in a folder."""
    events = plugin_event_accumulator.EventAccumulator(str(folder), size_guidance={"tensors": 0, "images": 0})
    events.Reload()
    return events


def check_records(file):
    """The loader passes over a damaged record in silence, so the checksums are looked at here."""
    data, at, count = file.read_bytes(), 0, 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        for begin, size in ((at, 8), (at + 12, length)):
            (found,) = struct.unpack_from("<I", data, begin + size)
            assert found == masked_crc32c(data[begin : begin + size]), f"{file}: record {count}: wrong checksum"
        at += length + 16
        count += 1
    return count


def scalars(events, tag):
    return [(event.step, event.tensor_proto.float_val[0]) for event in events.Tensors(tag)]


def main(run):
    run = pathlib.Path(run)
    with open(run / "history.csv") as file:
        history = list(csv.DictReader(file))
    compared = 0
    for part, prefix in (("train", ""), ("validation", "val_")):
        folder = run / "tensorboard" / part
        if not folder.is_dir():
            continue
        records = sum(check_records(file) for file in folder.iterdir())
        events = accumulator(folder)
        tags = events.Tags()
        for column in history[0]:
            if column == "epoch" or column.startswith("val_") != (part == "validation"):
                continue
            found = scalars(events, "epoch_" + column.removeprefix("val_"))
            expected = [(int(row["epoch"]), float(row[column])) for row in history]
            assert [step for step, _ in found] == [step for step, _ in expected], (column, found)
            for (_, value), (_, other) in zip(found, expected):
                assert abs(value - other) <= 1e-6 * max(1, abs(other)), (column, value, other)
            compared += len(found)
        plugins = {tag: events.SummaryMetadata(tag).plugin_data.plugin_name for tag in tags["tensors"]}
        for tag, plugin in plugins.items():
            if plugin != "images":
                continue
            picture = events.Tensors(tag)[0].tensor_proto.string_val
            kind = "PNG" if picture[2].startswith(b"\x89PNG") else "JPEG" if picture[2].startswith(b"\xff\xd8") else "?"
            assert kind != "?" and int(picture[0]) > 0 and int(picture[1]) > 0, tag
            print(f"{part}: picture {tag}, {kind}, {int(picture[0])} x {int(picture[1])}")
        if part == "train":
            graph = graph_pb2.GraphDef.FromString(events.Graph().SerializeToString())
            names = {node.name for node in graph.node}
            assert names, "there is no graph"
            for node in graph.node:
                assert all(source.split(":")[0] in names for source in node.input), node.name
            print(f"graph: {len(names)} nodes: {', '.join(node.op for node in graph.node)}")
        print(f"{part}: {records} records, plugins {sorted(set(plugins.values()))}")
    print(f"{compared} numbers as in history.csv")
    assert compared > 0


if __name__ == "__main__":
    main(*sys.argv[1:])
