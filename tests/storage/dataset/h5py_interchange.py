"""Files go both ways: h5py opens what `lockstep data import` wrote, and `lockstep data info` what h5py wrote."""

import gzip
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

DATA = sys.argv.pop(1)  # the program lockstep-data


def run(*arguments):
    return subprocess.run([DATA, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def write_idx(path, array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wb") as file:
        file.write(header + array.tobytes())


class Interchange(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        generator = np.random.default_rng(1)
        self.images = generator.integers(0, 256, (40, 5, 7), np.uint8)
        self.labels = generator.integers(0, 3, 40, np.uint8)

    def import_arguments(self):
        write_idx(self.directory / "images.gz", self.images)
        write_idx(self.directory / "labels", self.labels)
        return ["import", "idx", "--train-images", self.directory / "images.gz", "--train-labels",
                self.directory / "labels", self.directory / "made" / "out.h5"]

    def info(self, path):
        result = run("info", path, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def test_h5py_opens_ours(self):
        for extra in ([], ["--compress", "4"]):
            result = run(*self.import_arguments(), "--class-names", "red,green,sky blue", "--force", *extra)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("40 images, 5 x 7 x 1 uint8", result.stdout)
            with h5py.File(self.directory / "made" / "out.h5") as file:
                images, labels = file["train/images"], file["train/labels"]
                np.testing.assert_array_equal(images[...], self.images[..., None])
                np.testing.assert_array_equal(labels[...], self.labels)
                self.assertEqual(labels.dtype, np.int64)
                self.assertEqual(list(file.attrs["class_names"]), [b"red", b"green", b"sky blue"])
                np.testing.assert_allclose(images.attrs["mean"], [self.images.mean() / 255], rtol=1e-6)
                np.testing.assert_allclose(images.attrs["deviation"], [self.images.std() / 255], rtol=1e-6)
                self.assertEqual(images.compression, "gzip" if extra else None)

    def test_ours_opens_h5py(self):
        path = self.directory / "made.h5"
        floats = np.random.default_rng(2).normal(3, 2, (40, 5, 7, 2)).astype(np.float32)
        for options in ({}, {"chunks": (8, 5, 7, 2), "compression": "gzip", "shuffle": True}):
            for names in (["a", "b", "c"], np.array(["a", "b", "c"], "S"), None):
                with h5py.File(path, "w") as file:
                    group = file.create_group("train")
                    group.create_dataset("images", data=floats, **options)
                    group["labels"] = self.labels.astype(np.int64)
                    if names is not None:
                        group.attrs["class_names"] = names
                (split,) = self.info(path)["splits"]
                self.assertEqual((split["rows"], split["height"], split["width"], split["channels"]), floats.shape)
                self.assertEqual(split["pixel_type"], "float32")
                self.assertEqual(split["layout"],
                                 "chunks of 8x5x7x2, shuffle, deflate 4" if options else "contiguous")
                np.testing.assert_allclose(split["mean"], floats.mean((0, 1, 2)), rtol=1e-5)
                np.testing.assert_allclose(split["deviation"], floats.std((0, 1, 2)), rtol=1e-5)
                expected = "abc" if names is not None else "012"
                counts = np.bincount(self.labels)
                self.assertEqual(split["classes"], [{"name": n, "rows": c} for n, c in zip(expected, counts)])

    def test_ours_opens_uint16_and_sources(self):
        path = self.directory / "made.h5"
        words = np.random.default_rng(3).integers(0, 65536, (40, 5, 7, 7), np.uint16)
        names = [f"photos/\u00e9 {row}.png" for row in range(40)]
        for pixels in (words, words.astype(">u2")):
            for paths in (names, np.array([name.encode() for name in names], "S")):
                with h5py.File(path, "w") as file:
                    file["train/images"] = pixels
                    file["train/labels"] = self.labels
                    file["train/sources/path"] = paths
                    self.assertEqual(h5py.check_string_dtype(file["train/sources/path"].dtype).length,
                                     None if paths is names else 16)
                    file["train/sources/line"] = np.arange(17, 57)
                (split,) = self.info(path)["splits"]
                self.assertEqual((split["pixel_type"], split["channels"], split["sources"]), ("uint16", 7, True))
                np.testing.assert_allclose(split["mean"], words.mean((0, 1, 2)) / 65535, rtol=1e-6)
                np.testing.assert_allclose(split["deviation"], words.std((0, 1, 2)) / 65535, rtol=1e-6)
                self.assertIn("the rows have sources; row 0 (photos/\u00e9 0.png:17)\n", run("info", path).stdout)
        with h5py.File(path, "r+") as file:
            file["train/labels"][3] = 200
            file.attrs["class_names"] = ["a", "b", "c"]
        self.assertIn("the first is 200 at row 3 (photos/\u00e9 3.png:20)", run("info", path).stderr)
        with h5py.File(path, "r+") as file:
            del file["train/sources"], file.attrs["class_names"]
        self.assertFalse(self.info(path)["splits"][0]["sources"])
        self.assertNotIn("sources", run("info", path).stdout)

    def test_info_for_a_person(self):
        self.assertEqual(run(*self.import_arguments()).returncode, 0)
        result = run("info", self.directory / "made" / "out.h5")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("train: 40 images, 5 x 7 x 1 uint8 (height, width, channels), 3 classes, contiguous",
                      result.stdout)
        self.assertIn(f"{np.bincount(self.labels)[1]}", result.stdout)

    def test_usage_errors_exit_2(self):
        arguments = self.import_arguments()
        self.assertEqual(run(*arguments).returncode, 0)  # the control
        again = run(*arguments)
        self.assertEqual(again.returncode, 2)
        self.assertIn("--force", again.stderr)
        for bad in ([], ["import"], ["import", "idx"], ["info"], ["info", "a", "b"], ["import", "png"],
                    [*arguments, "--force", "--compress", "10"], [*arguments, "--force", "--class-names", "a,,b"],
                    [*arguments, "--force", "--test-images", "x"]):
            result = run(*bad)
            self.assertEqual(result.returncode, 2, bad)
            self.assertTrue(result.stderr, bad)

    def test_bad_data_exits_3(self):
        missing = run("info", self.directory / "missing.h5")
        self.assertEqual(missing.returncode, 3)
        self.assertIn("there is no such file", missing.stderr)
        with h5py.File(self.directory / "empty.h5", "w") as file:
            file.create_group("train")
        empty = run("info", self.directory / "empty.h5")
        self.assertEqual(empty.returncode, 3)
        self.assertIn("no group has `images` and `labels`", empty.stderr)
        arguments = self.import_arguments()
        write_idx(self.directory / "labels", self.labels[:-1])
        result = run(*arguments)
        self.assertEqual(result.returncode, 3)
        self.assertIn("40 rows", result.stderr)
        self.assertEqual(list((self.directory / "made").iterdir()), [])

    def test_help_has_examples(self):
        result = run("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("lockstep data import idx", result.stdout)


if __name__ == "__main__":
    unittest.main()
