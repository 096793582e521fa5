"""A small dataset that a network can learn, and a job for it with every kind of layer that holds state or randomness."""

import hashlib

import h5py
import numpy

CLASSES = ("lines", "columns", "board", "wide lines", "wide columns")
SIDE = 12

CHAIN = """
  layer { convolution { filters: 16 kernel: 3 padding: SAME bias: false } }
  layer { batch_norm { relu: true } }
  layer { max_pooling { kernel: 2 } }
  layer {
    residual {
      body { convolution { filters: 16 kernel: 3 padding: SAME bias: false PLAN } }
      body { batch_norm { zero_scale: true } }
    }
  }
  layer { dropout { rate: 0.1 } }
  layer { convolution { filters: 16 kernel: 3 stride: 2 padding: SAME } }
  layer { relu {} }
  layer { global_pooling {} }
  layer { dense { units: 5 } }
"""
# An Inception block, a gate, a dense connection.
GRAPH = """
  layer { name: "stem" convolution { filters: 16 kernel: 3 padding: SAME bias: false } }
  layer { name: "in" batch_norm { relu: true } }
  layer { name: "one" convolution { filters: 16 kernel: 1 } }
  layer { input: "in" convolution { filters: 8 kernel: 1 } }
  layer { relu {} }
  layer { name: "three" convolution { filters: 16 kernel: 3 padding: SAME } }
  layer { input: "in" max_pooling { kernel: 3 stride: 1 padding: SAME } }
  layer { name: "pool" convolution { filters: 16 kernel: 1 } }
  layer { input: ["one", "three", "pool", "in"] concatenate {} }
  layer { name: "block" batch_norm { relu: true } }
  layer { global_pooling {} }
  layer { dense { units: 64 } }
  layer { name: "gate" sigmoid {} }
  layer { input: ["block", "gate"] multiply {} }
  layer { dropout { rate: 0.1 } }
  layer { name: "half" average_pooling { kernel: 2 } }
  layer { name: "left" convolution { filters: 16 kernel: 3 padding: SAME bias: false } }
  layer { name: "right" input: "half" convolution { filters: 16 kernel: 1 } }
  layer { input: ["left", "right"] add {} }
  layer { relu {} }
  layer { name: "up" upsampling { scale: 2 mode: BILINEAR } }
  layer { input: ["up", "block"] concatenate {} }
  layer { global_pooling {} }
  layer { dense { units: 5 } }
"""
# Of the graph: a convolution, a bias, a batch norm.
FROZEN = """
parameters { match: "three/*" frozen: true }
parameters { match: "pool/bias" frozen: true }
parameters { match: "block/*" frozen: true }
"""
JOB = """name: "sample"
data {
  path: "%(data)s"
  augmentation { random_crop { padding: 1 } horizontal_flip {} }
}
model {
%(model)s
}
batch: 32
slices: 8
epochs: 3
seed: 7
optimizer { sgd { momentum: 0.9 nesterov: true } weight_decay: 5e-4 }
schedule { one_cycle { peak: 0.1 warm_up_epochs: 1 } }
%(clip)s
checkpoint { keep_last: 3 keep_best: 1 }
execution { hang_timeout_seconds: 60 }
reporting { every_steps: 1 }
"""
# Of 1.45 billion parameters.
LARGE = """model { layer { flatten {} } layer { dense { units: 10000000 } } layer { relu {} } layer { dense { units: 5 } } }
batch: 32 slices: 4 epochs: 1 seed: 7 schedule { constant { learning_rate: 0.05 } }
"""
# Winograd where there are kernels for it; the third pass is left open.
PLAN = "plan { forward: WINOGRAD weights: WINOGRAD }"
TRAIN_ROWS = 600
TEST_ROWS = 203
STEPS_PER_EPOCH = TRAIN_ROWS // 32
STEPS = 3 * STEPS_PER_EPOCH


def rows(count, seed):
    """Images of a texture, one a class, under noise: it stays what it is when shifted or mirrored."""
    random = numpy.random.default_rng(seed)
    labels = random.integers(0, len(CLASSES), count)
    y, x = numpy.indices((SIDE, SIDE))
    textures = numpy.stack([y % 2, x % 2, (x + y) % 2, y // 2 % 2, x // 2 % 2])
    noise = random.integers(0, 176, (count, SIDE, SIDE))
    return (noise + 80 * textures[labels]).astype(numpy.uint8)[..., None], labels


def write_dataset(path, change=lambda images, labels: (images, labels), validation=False, **storage):
    """Writes the file by h5py; `change` makes other images and labels of the training rows. `validation`: the rows that
    else are the test split, beside other 150 to test."""
    judging = (("validation", TEST_ROWS, 2), ("test", 150, 3)) if validation else (("test", TEST_ROWS, 2),)
    with h5py.File(path, "w") as file:
        file.attrs["class_names"] = CLASSES
        for group, count, seed in (("train", TRAIN_ROWS, 1), *judging):
            images, labels = rows(count, seed)
            if group == "train":
                images, labels = change(images, labels)
            file.create_dataset(f"{group}/images", data=images.astype(images.dtype), **storage)
            file.create_dataset(f"{group}/labels", data=labels)
    return path


def write_job(path, data, plan=PLAN, clip="clip_global_norm: 5", model=CHAIN, groups=""):
    path.write_text(JOB % {"data": data, "model": model.replace("PLAN", plan), "clip": clip} + groups)
    return path


def write_large_job(path, data):
    path.write_text(f'data {{ path: "{data}" }}\n' + LARGE)
    return path


def change_checkpoint(path, change):
    """What `change` does to the open file, under a right digest."""
    with h5py.File(path, "r+") as file:
        change(file)
    content = bytearray(path.read_bytes())
    content[16:24] = (len(content) - 512).to_bytes(8, "little")
    content[24:56] = hashlib.sha256(content[512:]).digest()
    path.write_bytes(content)


def take_out_evaluations(path):
    """Makes a checkpoint one of before: of evaluations it holds its own accuracy alone."""
    def change(file):
        del file["metrics"]
    change_checkpoint(path, change)
