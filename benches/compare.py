#!/usr/bin/env python3
"""Times two commands in turn, in each round in an order of chance, as whole processes and prints the ratio: never absolute
promises.

    benches/compare.py [-n 5] 'COMMAND A' 'COMMAND B'

Peak resident memory comes from the operating system's accounting of each finished process. What starts a process counts
too until the new program runs, and Python is big; so time(1), which is small, starts it for the memory, and Python for the time.
"""
import argparse, os, random, shlex, shutil, statistics, subprocess, sys, tempfile, time

p = argparse.ArgumentParser()
p.add_argument("-n", type=int, default=5)
p.add_argument("commands", nargs="+")
a = p.parse_args()


def run(command):
    start = time.monotonic()
    child = subprocess.Popen(shlex.split(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.monotonic() - start
    return took, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


def peak(command):
    """MiB; also a warm-up."""
    with tempfile.NamedTemporaryFile("r") as told:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["time", "--quiet", "-f", "%M", "-o", told.name, *shlex.split(command)], **quiet)
        return int(told.read()) / 1024


runs = {c: [] for c in a.commands}
if shutil.which("time"):
    peaks = {c: max(peak(c) for _ in range(3)) for c in a.commands}
else:
    print("no time(1) here: of a small process, the peak is Python's", file=sys.stderr)
    peaks = {c: run(c)[1] for c in a.commands}
for _ in range(a.n):
    for c in random.sample(a.commands, len(a.commands)):
        runs[c].append(run(c))
medians, work = [], []
for c in a.commands:
    wall = sorted(r[0] for r in runs[c])
    medians.append(statistics.median(wall))
    work.append(statistics.median(r[3] for r in runs[c]))
    codes = sorted({r[2] for r in runs[c]})
    print(f"{statistics.median(wall):8.3f} s (min {wall[0]:.3f}, max {wall[-1]:.3f})  cpu {work[-1]:.3f} s  peak {peaks[c]:6.1f} MiB  exit {codes}  {c[:100]}")
if len(medians) == 2:
    # On a machine with other work the second says more.
    print(f"ratio of medians B/A: wall {medians[1] / medians[0]:.1f}, cpu {work[1] / max(work[0], 0.001):.1f}")
sys.exit(0)
