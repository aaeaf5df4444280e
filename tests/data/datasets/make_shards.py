"""Writes reference/shards, which image_shards_test.cpp reads: make_shards.py FOLDER.

Needs webdataset (1.0.2 wrote those here), numpy, Pillow and zstd."""
import subprocess
import sys

import numpy
import webdataset

folder = sys.argv[1]  # reference/shards
colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255], [255, 0, 255]]


def picture(i):
    return numpy.broadcast_to(numpy.uint8(colours[i]), (4, 5, 3))


for shard in range(2):
    with webdataset.TarWriter(f"{folder}/webdataset-{shard:06}.tar", mtime=0, user="", group="") as tar:
        for i in range(3):
            tar.write({"__key__": f"{3 * shard + i:06}", "png": picture(3 * shard + i), "cls": i})
with webdataset.TarWriter(f"{folder}/webdataset.tar", mtime=0, user="", group="") as tar:
    for i in range(4):
        tar.write({"__key__": f"tr\u00e4in/{i}", "png": picture(i), "json": {"caption": "\"label\": 7", "label": "\u00e4b"[i % 2]}})
subprocess.run(["zstd", "-q", "--rm", "-19", f"{folder}/webdataset.tar"], check=True)
