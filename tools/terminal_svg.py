#!/usr/bin/env python3
"""Runs a command on a terminal of its own and draws what it showed as an SVG, up to the moment when a line that begins
with --until was half drawn: the picture of the README.

    tools/terminal_svg.py --until "4/5" --output docs/pictures/training.svg build/tools/train_catdog --epochs 5
"""

import argparse
import fcntl
import html
import os
import pty
import re
import struct
import termios

ERASE = "\r\x1b[K"
COLORS = {"32": "green", "90": "gray"}
LINE, CHARACTER, MARGIN = 17, 7.83, 16


def session(command, columns):
    """Everything that `command` wrote to its terminal."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        os.environ.update(TERM="xterm", LANG="C.UTF-8")
        os.execvp(command[0], command)
    data = b""
    try:
        while part := os.read(terminal, 65536):
            data += part
    except OSError:  # the other end is closed
        pass
    os.waitpid(child, 0)
    return data.decode().replace("\r\n", "\n")


def screen(text, until):
    """The lines as they stood when the middle one of the lines drawn over with `until` was shown."""
    drawn = [part for part in re.split("[\n]|" + re.escape(ERASE), text) if part.startswith(until)]
    lines = [line.split(ERASE)[-1] for line in text.split("\n")]
    end = next(i for i, line in enumerate(lines) if until in line[: len(until) + 6])
    return lines[:end] + [drawn[len(drawn) // 2 - 1]]


def wrapped(line, columns):
    """A line as the terminal breaks it; those with colours are the bar, which fits."""
    if "\x1b" in line or len(line) <= columns:
        return [line]
    return [line[at : at + columns] for at in range(0, len(line), columns)]


def spans(line):
    """The line as SVG, its colours as classes."""
    svg, color = "", None
    for part in re.split(r"\x1b\[(\d+)m", line):
        if part in COLORS or part == "0":
            color = COLORS.get(part)
        elif part:
            svg += f'<tspan class="{color}">{html.escape(part)}</tspan>' if color else html.escape(part)
    return svg


def draw(lines):
    plain = [re.sub(r"\x1b\[\d+m", "", line) for line in lines]
    width, height = int(max(map(len, plain)) * CHARACTER + 2 * MARGIN), len(lines) * LINE + 56
    rows = "".join(f'<text x="{MARGIN}" y="{48 + i * LINE}" xml:space="preserve">{spans(line)}</text>\n'
                   for i, line in enumerate(lines) if line)
    dots = "".join(f'<circle cx="{20 + 18 * i}" cy="18" r="6" fill="{color}"/>'
                   for i, color in enumerate(["#e0655f", "#e0b04f", "#67b35d"]))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<style>text{{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#d8dee9;white-space:pre}}.green{{fill:#8fc66b}}
.gray{{fill:#5b6372}}</style>
<rect width="{width}" height="{height}" rx="8" fill="#1d2129"/>{dots}
{rows}</svg>
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--until", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--columns", type=int, default=80)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    shown = " ".join([os.path.basename(options.command[0])] + options.command[1:])
    lines = [f"$ {shown}"] + screen(session(options.command, options.columns), options.until)
    home = os.path.expanduser("~")
    lines = [part for line in lines for part in wrapped(line.replace(home, "~"), options.columns)]
    with open(options.output, "w") as file:
        file.write(draw(lines))


if __name__ == "__main__":
    main()
