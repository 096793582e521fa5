#!/usr/bin/env python3
"""Lockstep beside PyTorch DDP: both in turn, on the same cores, several rounds; medians and their ratio.

PyTorch runs as its users would tune it: gloo, one thread a rank, bound to a core, with OpenBLAS, under jemalloc with large
chunks kept, in the faster of its two layouts. Needs the Debian packages python3-torch, libjemalloc2 and
libopenblas0-pthread.

  tests/bench/against_pytorch.py                       all four networks
  tests/bench/against_pytorch.py resnet18_fp32 lenet   some of them
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
OPENBLAS = "/usr/lib/x86_64-linux-gnu/openblas-pthread"
JEMALLOC_SETTINGS = ("oversize_threshold:1,background_thread:true,metadata_thp:auto,"
                     "dirty_decay_ms:-1,muzzy_decay_ms:-1")

# Name -> model, rows a rank, precision, steps of Lockstep and of PyTorch.
CASES = {
    "resnet18_fp32": ("resnet18_small", 64, "fp32", 10, 6),
    "resnet18_bf16": ("resnet18_small", 64, "bf16", 10, 6),
    "vgg16_fp32": ("vgg16", 8, "fp32", 4, 2),
    "vgg16_bf16": ("vgg16", 8, "bf16", 4, 2),
    "lenet_fp32": ("lenet", 64, "fp32", 300, 100),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def last_json(text, command):
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    sys.exit(f"no result from {' '.join(command)}:\n{text[-2000:]}")


def mpirun_flags(ranks):
    return subprocess.run([ROOT / "launch/mpirun_flags", str(ranks)], capture_output=True, text=True,
                          check=True).stdout.split()


def check_packages():
    for needed in (JEMALLOC, OPENBLAS):
        if not pathlib.Path(needed).exists():
            sys.exit(f"{needed} is missing: apt-get install python3-torch libjemalloc2 libopenblas0-pthread")


def pytorch_environment(ranks):
    """Of all ranks; each needs its RANK beside it."""
    return dict(os.environ, LD_PRELOAD=JEMALLOC, MALLOC_CONF=JEMALLOC_SETTINGS, LD_LIBRARY_PATH=OPENBLAS,
                OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(free_port()),
                WORLD_SIZE=str(ranks))


def run_lockstep(programs, case, ranks):
    model, rows, precision, steps, _ = case
    command = ["mpirun", *mpirun_flags(ranks), "-n", str(ranks), str(programs / "lockstep"), "bench", "--model", model, "--batch",
               str(rows * ranks), "--precision", precision, "--steps", str(steps), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    return last_json(done.stdout + done.stderr, command)


def run_pytorch(python, case, ranks, layout):
    model, rows, precision, _, steps = case
    command = [python, str(HERE / "pytorch_ddp.py"), "--model", model, "--rows", str(rows), "--precision", precision,
               "--steps", str(steps), "--layout", layout]
    environment = pytorch_environment(ranks)
    processes = [
        subprocess.Popen(command, env=dict(environment, RANK=str(rank)), stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True) for rank in range(ranks)
    ]
    outputs = [process.communicate(timeout=1200)[0] for process in processes]
    return last_json(outputs[0], command)


def compare(name, arguments):
    case = CASES[name]
    # Which layout is faster is found in a round of its own.
    layouts = {layout: run_pytorch(arguments.python, case, arguments.ranks, layout)["images_per_second"]
               for layout in ("channels_last", "contiguous")}
    layout = max(layouts, key=layouts.get)
    ours, theirs = [], []
    for round_number in range(arguments.rounds):
        ours.append(run_lockstep(arguments.programs, case, arguments.ranks))
        theirs.append(run_pytorch(arguments.python, case, arguments.ranks, layout))
        print(f"{name} round {round_number + 1}: {ours[-1]['images_per_second']:.1f} and "
              f"{theirs[-1]['images_per_second']:.1f} images/s", file=sys.stderr, flush=True)
    median = lambda results, key: statistics.median(result[key] for result in results)
    result = {
        "case": name,
        "lockstep_images_per_second": median(ours, "images_per_second"),
        "pytorch_images_per_second": median(theirs, "images_per_second"),
        "share_of_peak": median(ours, "share_of_peak"),
        "lockstep_resident_bytes": median(ours, "resident_bytes"),
        "pytorch_resident_bytes": median(theirs, "resident_bytes"),
        "pytorch_layout": layout,
        "pytorch_version": theirs[0]["version"],
    }
    result["ratio"] = result["lockstep_images_per_second"] / result["pytorch_images_per_second"]
    result["memory_ratio"] = result["lockstep_resident_bytes"] / result["pytorch_resident_bytes"]
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help=", ".join(CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--python", default="/usr/bin/python3", help="one that has torch")
    parser.add_argument("--json", action="store_true", help="one JSON object a case")
    arguments = parser.parse_args()
    check_packages()
    unknown = [name for name in arguments.cases if name not in CASES]
    if unknown:
        parser.error(f"no case is called {', '.join(unknown)}; there are: {', '.join(CASES)}")
    results = [compare(name, arguments) for name in arguments.cases or CASES]
    if arguments.json:
        for result in results:
            print(json.dumps(result))
        return
    print(f"{'case':<16}{'Lockstep':>10}{'PyTorch':>10}{'ratio':>8}{'of peak':>9}{'memory':>9}{'PyTorch':>9}{'ratio':>8}")
    for it in results:
        print(f"{it['case']:<16}{it['lockstep_images_per_second']:>10.1f}{it['pytorch_images_per_second']:>10.1f}"
              f"{it['ratio']:>7.2f}x{it['share_of_peak'] * 100:>7.1f} %"
              f"{it['lockstep_resident_bytes'] / 1e6:>6.0f} MB{it['pytorch_resident_bytes'] / 1e6:>6.0f} MB"
              f"{it['memory_ratio']:>8.2f}")
    print(f"PyTorch {results[0]['pytorch_version']}, layouts: "
          + ", ".join(f"{it['case']} {it['pytorch_layout']}" for it in results))


if __name__ == "__main__":
    main()
