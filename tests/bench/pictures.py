#!/usr/bin/env python3
"""Pictures kept as files beside raw images: size of the file, time of the import, speed of a training.

Makes synthetic JPEGs of 500 x 375 pixels (--count; 100,000 take 5 GB), imports them both ways, and trains a ResNet-18 at 224
x 224 on some of them, in turn. The yardstick of the import is djpeg (package libjpeg-turbo-progs), where it is installed.
    tests/bench/pictures.py FOLDER [--count 100000] [--rows 512] [--rounds 3]
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import time

import numpy
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
JOB = """data {{ path: "{data}" test: "" augmentation {{ horizontal_flip {{}} {crop} }} }}
model {{ zoo: "resnet18" }}
batch: 32 slices: 4 epochs: 1 schedule {{ constant {{ learning_rate: 0.01 }} }}
execution {{ stop_after_epochs: 1 }} checkpoint {{ every_epochs: 0 }}
"""
CROP = "transform { random_resized_crop {} }"


def make_some(folder, begin, end):
    for number in range(begin, end):
        random = numpy.random.default_rng(number)
        coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=numpy.uint8)).resize((500, 375), Image.BICUBIC)
        noise = random.normal(0, 12, (375, 500, 3))
        pixels = numpy.clip(numpy.asarray(coarse) + noise, 0, 255).astype(numpy.uint8)
        path = folder / f"class{number % 10}" / f"{number:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, quality=75)


def make(folder, count):
    if folder.exists() and sum(1 for _ in folder.rglob("*.jpg")) == count:
        return
    shutil.rmtree(folder, ignore_errors=True)
    parts = numpy.linspace(0, count, min(count, 64) + 1).astype(int)
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(make_some, [folder] * (len(parts) - 1), parts[:-1], parts[1:]))


def timed(command):
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def train(arguments, data, crop, rows):
    """Images a second."""
    out = arguments.folder / "run"
    shutil.rmtree(out, ignore_errors=True)
    job = arguments.folder / "job.pbtxt"
    job.write_text(JOB.format(data=data, crop=crop))
    flags = subprocess.run([ROOT / "launch/mpirun_flags", "2"], capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["mpirun", *flags, "-n", "2", arguments.programs / "lockstep", "train", job, "--out", out, "--set",
                    f"batch={min(32, rows)}"], check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line["images_per_second"] for line in lines if line["event"] == "end"][-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--rows", type=int, default=512, help="of the training")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build/release/bin")
    arguments = parser.parse_args()
    lockstep = arguments.programs / "lockstep"
    pictures = arguments.folder / "pictures"
    make(pictures, arguments.count)
    size = sum(path.stat().st_size for path in pictures.rglob("*.jpg"))
    encoded, raw = arguments.folder / "encoded.h5", arguments.folder / "raw.h5"
    took = timed([lockstep, "data", "import", "folder", pictures, encoded, "--keep-encoded", "--size", "224", "--force"])
    print(f"import of {arguments.count} files, {size / 1e6:.0f} MB: {took:.1f} s, "
          f"{1e3 * took / arguments.count:.2f} ms a file; the file is {100 * (encoded.stat().st_size / size - 1):.2f} % larger")
    if shutil.which("djpeg"):
        decoded = timed(["sh", "-c", f"find {pictures} -name '*.jpg' -print0 | xargs -0 -P {os.cpu_count()} -n 1 "
                         "djpeg -outfile /dev/null"])
        print(f"djpeg alone on all cores, a process a file: {decoded:.1f} s, {100 * decoded / took:.0f} % of the import")
    some = arguments.folder / "some"
    if not some.exists() or sum(1 for _ in some.rglob("*.jpg")) != arguments.rows:
        shutil.rmtree(some, ignore_errors=True)
        make_some(some, 0, arguments.rows)
    few = arguments.folder / "few.h5"
    timed([lockstep, "data", "import", "folder", some, few, "--keep-encoded", "--size", "224", "--force"])
    timed([lockstep, "data", "import", "folder", some, raw, "--size", "224", "--force"])
    rates = {"raw": [], "kept files": []}
    for _ in range(arguments.rounds):
        rates["raw"].append(train(arguments, raw, CROP, arguments.rows))
        rates["kept files"].append(train(arguments, few, CROP, arguments.rows))
    for name, values in rates.items():
        print(f"ResNet-18 at 224 x 224 from {name}: {statistics.median(values):.2f} images/s  {sorted(values)}")
    ratios = [b / a for a, b in zip(rates["raw"], rates["kept files"])]
    print(f"ratio {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
