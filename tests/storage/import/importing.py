"""What tests of `lockstep data import` share: the program, a folder of their own, pictures by Pillow."""

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


class ImportCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)
        self.out = self.folder / "made" / "out.h5"

    def run_data(self, *arguments, code=0, **options):
        result = subprocess.run([DATA, *map(str, arguments)], capture_output=True, text=True, timeout=300, cwd=self.folder,
                                **options)
        if code is not None:
            self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}{result.stderr}")
        return result

    def imports(self, verb, *arguments):
        """The summary of an import that does well; `self.out` is made."""
        return json.loads(self.run_data("import", verb, *arguments, "--force", "--json").stdout)

    def refuses(self, verb, *arguments, code=3):
        """The words of an import that does not; nothing is made."""
        self.out.unlink(missing_ok=True)
        result = self.run_data("import", verb, *arguments, code=code)
        self.assertFalse(self.out.exists())
        self.assertFalse(self.out.with_suffix(".h5.tmp").exists())
        return result.stderr

    def rows(self, split="train"):
        """{source: (image, label)}."""
        with h5py.File(self.out) as file:
            sources = [path.decode() for path in file[f"{split}/sources/path"][...]]
            return dict(zip(sources, zip(file[f"{split}/images"][...], file[f"{split}/labels"][...]), strict=True))

    def class_names(self):
        with h5py.File(self.out) as file:
            return [name.decode() for name in file.attrs["class_names"]]

    def save(self, path, image, **options):
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, **options)
        return path


def noise(height, width, seed=1, mode="RGB"):
    """A picture of smooth noise, as Pillow has it."""
    values = numpy.random.default_rng(seed).integers(0, 256, (height // 4 + 2, width // 4 + 2, len(mode)), numpy.uint8)
    small = Image.fromarray(values.squeeze(), mode)
    return small.resize((width, height), Image.BICUBIC)
