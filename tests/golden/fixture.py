"""What the scripts here share: how a fixture is written, and the numbers that several of them go by.

All arithmetic is in double, so that the stored float32 values are right to their last bit and the whole difference
that a test sees is Lockstep's own rounding.
"""
import pathlib

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
torch.use_deterministic_algorithms(True)
HERE = pathlib.Path(__file__).resolve().parent
SMOOTHING = 0.1
STEPS = 10


def write_fixture(name, arrays):
    """One record an array: the line "NAME EXTENT EXTENT ...", then the values, little-endian float32, row-major."""
    path = HERE / name
    with open(path, "wb") as file:
        for record, array in arrays.items():
            values = np.asarray(array.detach() if torch.is_tensor(array) else array)
            file.write((" ".join([record, *map(str, values.shape)]) + "\n").encode())
            file.write(values.astype("<f4").tobytes())
    print(f"{name}: {len(arrays)} arrays, {path.stat().st_size} bytes")


def float32(tensor):
    """Rounded to what a float32 holds, so that both sides start from the same numbers."""
    return tensor.to(torch.float32).to(torch.float64)
