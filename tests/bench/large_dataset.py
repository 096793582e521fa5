#!/usr/bin/env python3
"""Writes a dataset of made-up colour images, chunked and deflated, to try the loader on more than the caches hold.

  tests/bench/large_dataset.py /tmp/large.h5 --gigabytes 10
  mpirun -n 2 lockstep bench --model JOB.pbtxt --data        where the job's data { path } is that file

Images are smooth with noise in their lowest bits: deflate makes them a sixth shorter. A row in
random order inflates its whole chunk: --chunk-rows shows what that costs; the default is what `lockstep data import` writes.
"""

import argparse

import h5py
import numpy

CLASSES, CHUNK_BYTES, BATCH = 10, 64 << 10, 640


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--gigabytes", type=float, default=10, help="before deflating")
    parser.add_argument("--side", type=int, default=64, help="pixels")
    parser.add_argument("--chunk-rows", type=int, help="rows of a chunk (64 KiB)")
    arguments = parser.parse_args()
    side = arguments.side
    chunk_rows = arguments.chunk_rows or max(1, CHUNK_BYTES // (side * side * 3))
    rows = int(arguments.gigabytes * 1e9 / (side * side * 3)) // BATCH * BATCH
    random = numpy.random.default_rng(1)
    ramp = numpy.linspace(0, 1, side)
    with h5py.File(arguments.out, "w") as file:
        file.attrs["class_names"] = [f"kind {kind}" for kind in range(CLASSES)]
        for split, count in (("train", rows), ("test", BATCH)):
            images = file.create_dataset(f"{split}/images", (count, side, side, 3), "uint8",
                                         chunks=(chunk_rows, side, side, 3), compression="gzip", compression_opts=1)
            labels = random.integers(0, CLASSES, count)
            file.create_dataset(f"{split}/labels", data=labels)
            for begin in range(0, count, BATCH):
                shape = (BATCH, 1, 1, 3)
                smooth = (random.uniform(0, 100, shape) * ramp[:, None, None] + random.uniform(0, 100, shape) * ramp[:, None]
                          + 5 * labels[begin:begin + BATCH, None, None, None])
                noise = random.integers(0, 8, (BATCH, side, side, 3), "uint8")
                images[begin:begin + BATCH] = (smooth + noise).astype("uint8")
    print(f"{arguments.out}: {rows} rows of {side} x {side} x 3, {chunk_rows} a chunk")


if __name__ == "__main__":
    main()
