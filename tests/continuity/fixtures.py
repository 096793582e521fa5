"""The checkpoints that are stored here, and the rows that they were trained on."""

import pathlib
import sys

import h5py
import numpy

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "e2e"), str(HERE.parent / "crash")]

# Name: the job, what is set in it, and how far the weights may be away where bits are not listed, as a part of the
# largest of their tensor.
FIXTURES = {
    "chain_fp32": ("chain", (), 1e-5),
    "chain_bf16": ("chain", ("execution.precision=BF16",), 0.05),
    "graph_fp32": ("graph", (), 1e-5),
    "graph_bf16": ("graph", ("execution.precision=BF16",), 0.05),
}
STEPS_OF_AN_EPOCH = 6  # the first is stored as NAME.before.h5, the second as NAME.after.h5
ROWS = 6 * 16
SIDE = 9  # no multiple of a vector or a tile


def checkpoint_name(epochs):
    return f"step-{epochs * STEPS_OF_AN_EPOCH:09}.h5"


def write_rows(path, job):
    """Images of four textures under noise that is a hash of the place: no generator, whose numbers may change."""
    channels = {"chain": 1, "graph": 2}[job]
    place = numpy.arange(ROWS * SIDE * SIDE * channels, dtype=numpy.uint32)
    mixed = place * numpy.uint32(2654435761)  # Knuth's multiplicative hash
    mixed = (mixed ^ mixed >> 15) * numpy.uint32(2246822519)
    noise = ((mixed ^ mixed >> 13) % 176).reshape(ROWS, SIDE, SIDE, channels)
    labels = numpy.arange(ROWS) % 4
    y, x = numpy.indices((SIDE, SIDE))
    textures = numpy.stack([y % 2, x % 2, (x + y) % 2, y // 2 % 2])
    images = (noise + 80 * textures[labels][..., None]).astype(numpy.uint8)
    with h5py.File(path, "w") as file:
        file["train/images"] = images if job == "chain" else images.astype(numpy.float32) / numpy.float32(100)
        file["train/labels"] = labels
