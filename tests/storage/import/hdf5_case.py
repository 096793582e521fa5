"""What tests of `lockstep data import hdf5` share: a file of arrays, by h5py, and what becomes of it."""

import h5py
import numpy

from importing import ImportCase


class Hdf5Case(ImportCase):
    def setUp(self):
        super().setUp()
        self.random = numpy.random.default_rng(1)
        self.images = self.random.integers(0, 256, (20, 6, 5, 3), numpy.uint8)
        self.labels = self.random.permutation(numpy.arange(20) % 4)

    def write(self, name="in.h5", options={}, **arrays):
        """A file of arrays; __ in a name is a slash."""
        with h5py.File(self.folder / name, "w", **options) as file:
            for path, values in arrays.items():
                file[path.replace("__", "/")] = values
        return name

    def check(self, images, labels, split="train"):
        with h5py.File(self.out) as file:
            numpy.testing.assert_array_equal(file[f"{split}/images"][...], images)
            numpy.testing.assert_array_equal(file[f"{split}/labels"][...], labels)
            return file[f"{split}/images"].dtype, file[f"{split}/labels"].dtype

    def takes(self, images, labels, *options):
        """The notes of an import of two arrays."""
        return self.imports("hdf5", self.write(x=images, y=labels), self.out, *options)["notes"]

    def faults(self, images, labels, *options, code=3):
        return self.refuses("hdf5", self.write(x=images, y=labels), self.out, *options, code=code)
