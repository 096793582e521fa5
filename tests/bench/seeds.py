#!/usr/bin/env python3
"""Trains a job with several seeds, each way it is asked for; test accuracies, their mean and deviation, and the time.

  tests/bench/seeds.py launch/jobs/fashion_mnist.job.pbtxt
  tests/bench/seeds.py launch/jobs/fashion_mnist.job.pbtxt --way execution.plan=BY_SHAPE --way execution.plan=DIRECT_ONLY
  tests/bench/seeds.py launch/jobs/fashion_mnist.job.pbtxt --seeds 3 --set epochs=5 --json

The ways take turns, so that what else the machine does meets all of them.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def train(arguments, seed, settings, out):
    flags = subprocess.run([ROOT / "launch/mpirun_flags", str(arguments.ranks)], capture_output=True, text=True,
                           check=True).stdout.split()
    command = ["mpirun", *flags, "-n", str(arguments.ranks), str(arguments.programs / "lockstep"), "train", arguments.job,
               "--out", str(out), "--set", f"seed={seed}", "--set", "checkpoint.every_epochs=0", "--progress", "plain"]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    accuracy = [line["accuracy"] for line in lines if line["event"] in ("eval", "final_test")][-1]
    seconds = [line["seconds"] for line in lines if line["event"] == "end"][-1]
    return accuracy, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], help="PATH=VALUE for every run")
    parser.add_argument("--way", action="append", default=[], help="PATH=VALUE for one of the ways; may be repeated")
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--json", action="store_true", help="one JSON object a way")
    arguments = parser.parse_args()
    ways = arguments.way or [""]
    results = {way: [] for way in ways}
    with tempfile.TemporaryDirectory(prefix="lockstep-seeds-") as folder:
        for seed in range(1, arguments.seeds + 1):
            for number, way in enumerate(ways):
                out = pathlib.Path(folder, f"{number}-{seed}")
                results[way].append(train(arguments, seed, arguments.set + ([way] if way else []), out))
                accuracy, seconds = results[way][-1]
                print(f"seed {seed} {way}: {100 * accuracy:.2f} % in {seconds:.0f} s", file=sys.stderr, flush=True)
    for way, runs in results.items():
        accuracies = [100 * accuracy for accuracy, _ in runs]
        seconds = [took for _, took in runs]
        deviation = statistics.stdev(accuracies) if len(runs) > 1 else 0
        if arguments.json:
            print(json.dumps({"way": way, "accuracies": accuracies, "mean": statistics.mean(accuracies),
                              "deviation": deviation, "median_seconds": statistics.median(seconds)}))
        else:
            print(f"{way or arguments.job}: {statistics.mean(accuracies):.2f} % +- {deviation:.2f} over {len(runs)} seeds "
                  f"({', '.join(f'{it:.2f}' for it in accuracies)}), median {statistics.median(seconds):.0f} s")


if __name__ == "__main__":
    main()
