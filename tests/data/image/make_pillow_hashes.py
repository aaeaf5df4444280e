"""Writes reference/pillow_hashes.txt: what Pillow makes of real photographs, one hash a picture (FNV-1a, 64 bits, of
the RGB bytes after resizing to 64x64).

Usage: make_pillow_hashes.py FOLDER..., searched to any depth; the last three parts of each name are kept. Every other
picture is resized by nearest, the rest by all filters in turn.
"""
import os
import sys

from PIL import Image

FILTERS = ["nearest", "bilinear", "bicubic", "box", "hamming", "lanczos"]


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def main():
    out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference", "pillow_hashes.txt")
    paths = [os.path.join(root, name) for top in sys.argv[1:] for root, _, names in os.walk(top) for name in names]
    with open(out, "w") as file:
        for number, path in enumerate(sorted(paths)):
            method = FILTERS[number // 2 % len(FILTERS)] if number % 2 else "nearest"
            image = Image.open(path).convert("RGB").resize((64, 64), getattr(Image.Resampling, method.upper()))
            file.write(f"{'/'.join(path.split(os.sep)[-3:])} {method} {fnv(image.tobytes()):016x}\n")


if __name__ == "__main__":
    main()
