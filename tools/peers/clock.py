"""What the programs that measure peers share."""

import statistics
import time


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


def measurement(arguments):
    """what, network, batch, side, device, precision and seconds, as a command line has them."""
    what, name, batch, side, device, precision, seconds = arguments
    return what, name, int(batch), int(side), device, precision, float(seconds)
