#!/usr/bin/env python3
"""The time from the command to a test accuracy: the same recipe in Lockstep and in PyTorch DDP, in turn.

  tests/bench/to_accuracy.py data/fashion_mnist.h5
  tests/bench/to_accuracy.py data/fashion_mnist.h5 --accuracy 92.5 --rounds 1 --json

Everything counts: starting, reading, evaluating after each epoch. The recipe is launch/jobs/fashion_mnist.job.pbtxt and
pytorch_fashion_mnist.py. A round is another seed. PyTorch runs as in against_pytorch.py; which of its layouts is faster is
tried first, for one epoch.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

from against_pytorch import HERE, ROOT, check_packages, mpirun_flags, pytorch_environment


def times_of_epochs(command, environment=None):
    """[(seconds since the start, test accuracy in percent)] as the command prints them, and the seconds of the whole."""
    begin = time.perf_counter()
    seen = []
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        text = ""
        for line in run.stdout:
            text += line
            found = re.search(r"^epoch .*test accuracy ([0-9.]+) %", line)
            if found:
                seen.append((time.perf_counter() - begin, float(found[1])))
    if run.returncode != 0 or not seen:
        sys.exit(f"{' '.join(map(str, command))} ended with {run.returncode}\n{text[-2000:]}")
    return seen


def run_lockstep(arguments, seed):
    # The rows that PyTorch gets: all of the training split, and the test split after each epoch.
    data = f'data={{ path: "{arguments.data}" augmentation {{ horizontal_flip {{}} }} }}'
    with tempfile.TemporaryDirectory(prefix="lockstep-to-accuracy-") as folder:
        command = ["mpirun", *mpirun_flags(arguments.ranks), "-n", arguments.ranks, arguments.programs / "lockstep",
                   "train", ROOT / "launch/jobs/fashion_mnist.job.pbtxt", "--out", pathlib.Path(folder, "run"), "--progress",
                   "plain", "--set", data, "--set", f"seed={seed}"]
        for setting in arguments.set:
            command += ["--set", setting]
        return times_of_epochs(list(map(str, command)))


def run_pytorch(arguments, seed, layout, epochs):
    command = [arguments.python, HERE / "pytorch_fashion_mnist.py", arguments.data, "--layout", layout, "--epochs", epochs,
               "--seed", seed]
    command = list(map(str, command))
    environment = pytorch_environment(arguments.ranks)
    others = [subprocess.Popen(command, env=dict(environment, RANK=str(rank)), stdout=subprocess.DEVNULL)
              for rank in range(1, arguments.ranks)]
    seen = times_of_epochs(command, dict(environment, RANK="0"))
    for other in others:
        other.wait(timeout=60)
    return seen


def first_time(seen, accuracy):
    return next((seconds for seconds, reached in seen if reached >= accuracy), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=os.path.abspath, help="Fashion-MNIST, as launch/quickstart imports it")
    parser.add_argument("--accuracy", type=float, default=93.0, help="percent")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], help="PATH=VALUE for Lockstep's job")
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--python", default="/usr/bin/python3", help="one that has torch and h5py")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    check_packages()
    tried = {layout: run_pytorch(arguments, 1, layout, 1)[0][0] for layout in ("channels_last", "contiguous")}
    layout = min(tried, key=tried.get)
    times = {"Lockstep": [], "PyTorch": []}
    for seed in range(1, arguments.rounds + 1):
        for name, run in (("Lockstep", lambda: run_lockstep(arguments, seed)),
                          ("PyTorch", lambda: run_pytorch(arguments, seed, layout, 8))):
            seen = run()
            reached = first_time(seen, arguments.accuracy)
            times[name].append(reached)
            print(f"seed {seed} {name}: {arguments.accuracy} % after "
                  f"{'the end' if reached is None else f'{reached:.0f} s'}; {seen[-1][1]:.2f} % after {seen[-1][0]:.0f} s",
                  file=sys.stderr, flush=True)
    never = float("inf")
    medians = {name: statistics.median(never if it is None else it for it in values) for name, values in times.items()}
    if arguments.json:
        print(json.dumps({"accuracy": arguments.accuracy, "seconds": times, "pytorch_layout": layout}))
        return
    print(f"to {arguments.accuracy} %: Lockstep {medians['Lockstep']:.0f} s, PyTorch {medians['PyTorch']:.0f} s "
          f"({layout}); {medians['Lockstep'] / medians['PyTorch']:.2f} of its time")


if __name__ == "__main__":
    main()
