#!/usr/bin/env python3
"""Times two commands in turn (A B A B …) as whole processes and prints the ratio: never absolute promises.

    benches/compare.py [-n 5] 'COMMAND A' 'COMMAND B'

Wall seconds and peak resident memory come from the operating system's accounting of each finished process.
"""
import argparse, os, shlex, statistics, subprocess, sys, time

p = argparse.ArgumentParser()
p.add_argument("-n", type=int, default=5)
p.add_argument("commands", nargs="+")
a = p.parse_args()


def run(command):
    start = time.monotonic()
    child = subprocess.Popen(shlex.split(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    return time.monotonic() - start, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


runs = {c: [] for c in a.commands}
for c in a.commands:
    run(c)  # warm-up
for _ in range(a.n):
    for c in a.commands:
        runs[c].append(run(c))
medians = []
for c in a.commands:
    wall = sorted(r[0] for r in runs[c])
    medians.append(statistics.median(wall))
    codes = sorted({r[2] for r in runs[c]})
    print(f"{statistics.median(wall):8.3f} s (min {wall[0]:.3f}, max {wall[-1]:.3f})  peak {max(r[1] for r in runs[c]):7.0f} MiB  exit {codes}  {c[:100]}")
if len(medians) == 2:
    print(f"ratio of medians B/A: {medians[1] / medians[0]:.1f}")
sys.exit(0)
