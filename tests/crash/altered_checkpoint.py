"""Changes a checkpoint the way a wrong resume would: other content under a digest that is right."""

import hashlib

import h5py
import numpy

USER_BLOCK_BYTES = 512
DIGEST_OFFSET = 24


def alter_one_weight(path):
    """Moves one weight to the next float and makes length and digest right again."""
    with h5py.File(path, "r+") as file:
        weights = file["parameters"]
        while not isinstance(weights, h5py.Dataset):
            weights = next(iter(weights.values()))
        values = weights[()]
        values.flat[0] = numpy.nextafter(values.flat[0], numpy.float32(numpy.inf))
        weights[...] = values
    content = bytearray(path.read_bytes())
    image = content[USER_BLOCK_BYTES:]
    content[16:24] = len(image).to_bytes(8, "little")
    content[DIGEST_OFFSET:DIGEST_OFFSET + 32] = hashlib.sha256(image).digest()
    path.write_bytes(content)
