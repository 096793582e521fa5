#!/usr/bin/env python3
"""What a training waits for on a dataset: trains a network of the zoo for some time, and prints its shares of the time.

  tests/bench/large_dataset.py /tmp/large.h5 --gigabytes 10
  tests/bench/data_stall.py /tmp/large.h5                      resnet18_small
  tests/bench/data_stall.py /tmp/large.h5 --zoo lenet --seconds 30

The share called "data" is the time in which the step had no rows to work on. Caches of the file are dropped before, where
this process may.
"""

import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from against_pytorch import ROOT, mpirun_flags

JOB = """name: "data_stall"
data { path: "%s" }
model { zoo: "%s" }
batch: 128 slices: 4 epochs: 1000
optimizer { sgd { momentum: 0.9 } }
schedule { constant { learning_rate: 0.001 } }
"""
STOPPED = 75


def drop_cache(path):
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--zoo", default="resnet18_small", help="lockstep model ls")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build/release/bin")
    arguments = parser.parse_args()
    drop_cache(arguments.data)
    with tempfile.TemporaryDirectory(prefix="lockstep-stall-") as folder:
        job, run = pathlib.Path(folder, "job.pbtxt"), pathlib.Path(folder, "run")
        job.write_text(JOB % (pathlib.Path(arguments.data).resolve(), arguments.zoo))
        command = ["mpirun", *mpirun_flags(arguments.ranks), "-n", str(arguments.ranks),
                   str(arguments.programs / "lockstep"), "train", str(job), "--out", str(run), "--progress", "plain"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as training:
            text = ""
            for line in training.stdout:
                text += line
                if " rows of " in line:  # its first line: the data is open
                    break
            time.sleep(arguments.seconds)
            training.send_signal(signal.SIGUSR1)
            text += training.communicate(timeout=600)[0]
    shares = re.search(r"^(stopped at step .*)\n(time .*)$", text, re.MULTILINE)
    if training.returncode != STOPPED or not shares:
        sys.exit(f"{' '.join(command)} ended with {training.returncode}\n{text[-2000:]}")
    print(f"{arguments.zoo}: {shares[1]}\n{shares[2]}")


if __name__ == "__main__":
    main()
