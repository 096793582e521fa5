"""What tests of sheets share: the program, data made by h5py, sheets as Pillow reads them."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy
from PIL import Image

DATA = sys.argv.pop(1)  # the program lockstep-data


class DrawingCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)

    def run_data(self, *arguments, code=0):
        result = subprocess.run([DATA, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=self.folder)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}{result.stderr}")
        return result

    def make(self, images, labels, names=None, split="train", sources=True, **attributes):
        """Adds a split to data.h5."""
        with h5py.File(self.folder / "data.h5", "a", libver="latest") as file:
            file[f"{split}/images"] = images
            dataset = file.create_dataset(f"{split}/labels", data=labels)
            dataset.attrs.update(attributes)
            if names and "class_names" not in file.attrs:
                file.attrs["class_names"] = names
            if sources:
                file[f"{split}/sources/path"] = [f"{split} pictures/{i}.png" for i in range(len(images))]

    def picture(self, name="out.png"):
        with Image.open(self.folder / name) as picture:
            picture.load()
            return picture

    def pixels_at(self, picture, place, sheet):
        """The pixels of a row as they were before they were enlarged; all of one square are the same."""
        x, y, width, height = (place[key] for key in ("x", "y", "width", "height"))
        scale = sheet["scale"]
        shown = numpy.asarray(picture)[y:y + height, x:x + width]
        self.assertEqual(shown.shape, (sheet["shown_height"] * scale, sheet["shown_width"] * scale, 3))
        small = shown[::scale, ::scale]
        numpy.testing.assert_array_equal(numpy.kron(small, numpy.ones((scale, scale, 1), numpy.uint8)), shown)
        return small

    def write_job(self, text, name="a.job.pbtxt"):
        (self.folder / name).write_text(text)
        return name


def random_images(rows, height, width, channels, seed=1):
    return numpy.random.default_rng(seed).integers(0, 256, (rows, height, width, channels), numpy.uint8)


def coloured(image):
    """As a sheet shows it, without a mask."""
    return image if image.shape[-1] == 3 else numpy.repeat(image[..., :1], 3, axis=-1)


def rows_told(picture):
    """The rows in the text of a PNG: [row, label, source]."""
    head, *lines = picture.text["Rows"].split("\n")
    assert head == "row\tlabel\tsource", head
    return [line.split("\t") for line in lines]


def printed(result):
    return json.loads(result.stdout)
