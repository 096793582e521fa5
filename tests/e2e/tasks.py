"""Planted data of every task but one class a row, and a job for each: a network that learns by the wrong loss, or from
the wrong rows, misses the figures that the tests ask for."""

import dataclasses

import h5py
import numpy

SIDE = 16
ROWS = {"train": 640, "test": 201}

HEAD = """name: "%(name)s"
data { path: "%(data)s" augmentation { %(augmentation)s } }
model {
%(model)s
}
batch: 32
slices: 8
epochs: %(epochs)d
seed: 3
loss { %(loss)s }
optimizer { adam {} }
schedule { one_cycle { peak: 0.01 warm_up_epochs: 1 } }
checkpoint { keep_last: 0 }
execution { hang_timeout_seconds: 60 }
"""
CONVOLUTIONS = """
  layer { convolution { filters: 16 kernel: 3 padding: SAME bias: false } }
  layer { batch_norm { relu: true } }
  layer { max_pooling { kernel: 2 } }
  layer { convolution { filters: 16 kernel: 3 padding: SAME bias: false } }
  layer { batch_norm { relu: true } }
"""
# Ronneberger et al. 2015, small.
U_NET = """
  layer { convolution { filters: 16 kernel: 3 padding: SAME bias: false } }
  layer { name: "fine" batch_norm { relu: true } }
  layer { max_pooling { kernel: 2 } }
  layer { convolution { filters: 16 kernel: 3 padding: SAME bias: false } }
  layer { name: "middle" batch_norm { relu: true } }
  layer { max_pooling { kernel: 2 } }
  layer { convolution { filters: 32 kernel: 3 padding: SAME bias: false } }
  layer { batch_norm { relu: true } }
  layer { name: "up" upsampling { scale: 2 mode: BILINEAR } }
  layer { input: ["up", "middle"] concatenate {} }
  layer { convolution { filters: 16 kernel: 3 padding: SAME bias: false } }
  layer { batch_norm { relu: true } }
  layer { name: "whole" upsampling { scale: 2 mode: BILINEAR } }
  layer { input: ["whole", "fine"] concatenate {} }
  layer { convolution { filters: 16 kernel: 3 padding: SAME bias: false } }
  layer { batch_norm { relu: true } }
  layer { convolution { filters: 3 kernel: 1 } }
"""


@dataclasses.dataclass
class Task:
    name: str
    rows: object  # (count, generator) -> images, targets
    attributes: dict
    loss: str
    model: str
    metric: str
    at_least: float
    each: str  # the metric of one class, label or number
    names: tuple
    augmentation: str = "horizontal_flip {}"
    epochs: int = 4

    def write(self, folder):
        """The job's path, with its data beside it."""
        data = folder / f"{self.name}.h5"
        with h5py.File(data, "w") as file:
            for seed, (split, count) in enumerate(ROWS.items()):
                images, targets = self.rows(count, numpy.random.default_rng(seed + 11))
                file[f"{split}/images"] = images
                file[f"{split}/labels"] = targets
                file[f"{split}/labels"].attrs.update(self.attributes)
        job = folder / f"{self.name}.job.pbtxt"
        job.write_text(HEAD % {"name": self.name, "data": data, "augmentation": self.augmentation, "model": self.model,
                               "epochs": self.epochs, "loss": self.loss})
        return job


def noise(count, random):
    return random.integers(0, 100, (count, SIDE, SIDE))


def label_rows(count, random):
    """Any of three patterns over each other."""
    y, x = numpy.indices((SIDE, SIDE))
    patterns = numpy.stack([y % 2, x % 2, (x + y) // 2 % 2])
    labels = random.integers(0, 2, (count, 3))
    images = noise(count, random) + 50 * numpy.einsum("nk,kyx->nyx", labels, patterns)
    return images.astype(numpy.uint8)[..., None], labels.astype(numpy.uint8)


def number_rows(count, random):
    """Where a bright spot is, and how bright."""
    y, x = numpy.indices((SIDE, SIDE))
    row, column = random.uniform(2, SIDE - 3, (2, count, 1, 1))
    lux = random.uniform(300, 900, (count, 1, 1))
    spots = numpy.exp(-((y - row) ** 2 + (x - column) ** 2) / 6)
    images = noise(count, random) / 10 + lux / 4 * spots
    targets = numpy.concatenate([row[:, :, 0], column[:, :, 0], lux[:, :, 0]], axis=1)
    return images.astype(numpy.uint8)[..., None], targets.astype(numpy.float32)


def mask_rows(count, random):
    """A bright square and a striped one on a ground; a frame that counts nowhere."""
    y, x = numpy.indices((SIDE, SIDE))
    images, masks = noise(count, random), numpy.zeros((count, SIDE, SIDE), numpy.uint8)
    for row in range(count):
        for label, pattern in ((1, 120), (2, 150 * (y % 2))):
            top, left = random.integers(0, SIDE - 6, 2)
            inside = (y >= top) & (y < top + 7) & (x >= left) & (x < left + 7)
            images[row] = numpy.where(inside, noise(1, random)[0] + pattern, images[row])
            masks[row][inside] = label
    masks[:, [0, -1], :] = masks[:, :, [0, -1]] = 255
    return images.astype(numpy.uint8)[..., None], masks


LABELS = ("lines", "columns", "slants")
NUMBERS = ("row", "column", "brightness")
CLASSES = ("ground", "square", "striped square")

TASKS = (
    Task("labels", label_rows, {"class_names": LABELS}, "binary_cross_entropy {}",
         CONVOLUTIONS + "  layer { global_pooling {} }\n  layer { dense {} }", "mean_average_precision", 0.95,
         "average_precision", LABELS),
    Task("numbers", number_rows, {"class_names": NUMBERS, "units": ("pixels", "pixels", "lux")}, "mean_squared_error {}",
         CONVOLUTIONS + "  layer { flatten {} }\n  layer { dense {} }", "mean_r2", 0.95, "r2", NUMBERS, augmentation="",
         epochs=8),
    Task("masks", mask_rows, {"class_names": CLASSES, "ignored": 255}, "pixel_cross_entropy {}", U_NET, "mean_iou", 0.9,
         "iou", CLASSES, augmentation="random_crop { padding: 2 } horizontal_flip {}", epochs=6),
)
