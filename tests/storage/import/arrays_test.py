"""Arrays of NumPy (.npy, .npz) and CIFAR's binary files."""

import unittest
import zipfile

import h5py
import numpy

from importing import ImportCase


class ArraysTest(ImportCase):
    def setUp(self):
        super().setUp()
        self.random = numpy.random.default_rng(1)
        self.images = self.random.integers(0, 256, (20, 6, 5, 3), numpy.uint8)
        self.labels = self.random.integers(0, 4, 20)
        self.labels[0] = 3

    def arrays(self, images, labels, prefix="x"):
        numpy.save(self.folder / f"{prefix}.npy", images)
        numpy.save(self.folder / f"{prefix} labels.npy", labels)
        return ("--train-images", f"{prefix}.npy", "--train-labels", f"{prefix} labels.npy")

    def check(self, images, labels, split="train"):
        with h5py.File(self.out) as file:
            numpy.testing.assert_array_equal(file[f"{split}/images"][...], images)
            numpy.testing.assert_array_equal(file[f"{split}/labels"][...], labels)
            return file[f"{split}/images"].dtype, file[f"{split}/labels"].dtype

    def test_every_type(self):
        grey = self.images[..., 0]
        for images, expected in ((self.images, self.images), (grey, grey[..., None]),
                                 (self.images.astype(numpy.uint16) * 257, self.images.astype(numpy.uint16) * 257),
                                 ((grey / 255).astype(numpy.float32), (grey / 255).astype(numpy.float32)[..., None]),
                                 (grey / 255, (grey / 255).astype(numpy.float32)[..., None])):
            for labels in (self.labels, self.labels.astype(numpy.uint8)[:, None], self.labels.astype(numpy.int16)):
                self.imports("npy", *self.arrays(images, labels), self.out)
                self.check(expected, numpy.asarray(labels).reshape(-1))
        planes = numpy.ascontiguousarray(numpy.moveaxis(self.images, 3, 1))
        self.imports("npy", *self.arrays(planes, self.labels), "--channels-first", self.out)
        self.check(self.images, self.labels)
        bits = self.random.integers(0, 2, (20, 3))
        self.imports("npy", *self.arrays(self.images, bits), "--class-names", "a,b,c", self.out)
        self.assertEqual(self.check(self.images, bits)[1], numpy.uint8)
        numbers = self.random.normal(size=(20, 2))
        self.imports("npy", *self.arrays(self.images, numbers), "--class-names", "a,b", self.out)
        self.assertEqual(self.check(self.images, numbers.astype(numpy.float32))[1], numpy.float32)

    def test_an_archive_as_medmnist_has_it(self):
        parts = {"train": 20, "val": 6, "test": 9}
        arrays = {}
        for name, count in parts.items():
            arrays[f"{name}_images"] = self.random.integers(0, 256, (count, 7, 7), numpy.uint8)
            arrays[f"{name}_labels"] = numpy.arange(count, dtype=numpy.uint8)[:, None] % 5
        for save in (numpy.savez, numpy.savez_compressed):
            save(self.folder / "some.npz", **arrays)
            self.imports("npz", "some.npz", self.out)
            for split, name in (("train", "train"), ("validation", "val"), ("test", "test")):
                self.check(arrays[f"{name}_images"][..., None], arrays[f"{name}_labels"][:, 0], split)
        with zipfile.ZipFile(self.folder / "wide.npz", "w") as archive:
            for name in ("train_images", "train_labels"):
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    numpy.save(file, arrays[name])
        self.imports("npz", "wide.npz", self.out, "--class-names", "a,b,c,d,e")
        self.assertEqual(self.class_names(), list("abcde"))
        numpy.savez(self.folder / "mine.npz", x=self.images, y=self.labels)
        self.imports("npz", "mine.npz", self.out, "--train-images", "x", "--train-labels", "y")
        self.check(self.images, self.labels)

    def test_what_is_refused(self):
        flat = self.images.reshape(20, -1)
        for images, labels, words in (
                (flat, self.labels, "has the shape 20x90: expected (rows, height, width)"),
                (self.images, self.labels[:19], "has 20 rows, but x labels.npy has the shape 19"),
                (self.images.astype(numpy.int64), self.labels, "elements of type int64: expected uint8"),
                (self.images, -self.labels - 1, "has the label -"), (self.images, self.labels.astype(object), "Python objects"),
                (self.images, self.labels.astype(">i4"), "is a big-endian array"),
                (numpy.asfortranarray(self.images), self.labels, "is an array in Fortran order"),
                (self.images, self.random.integers(0, 3, (20, 2)) + 1, "expected 0 or 1"),
                (self.images[:0], self.labels[:0], "has the shape 0x6x5x3"),
                (self.images, numpy.full(20, numpy.nan), "expected finite numbers"),
                (self.images, self.labels.astype("U1"), "expected whole numbers, float32 or float64")):
            with self.subTest(words):
                self.assertIn(words, self.refuses("npy", *self.arrays(images, labels), self.out))
        both = self.refuses("npy", "--train-images", "none.npy", "--train-labels", "nor.npy", self.out)
        self.assertIn("none.npy", both)
        self.assertIn("nor.npy", both)
        good = self.arrays(self.images, self.labels)
        self.assertIn("3 names for 4 classes", self.refuses("npy", *good, "--class-names", "a,b,c", self.out))
        other = self.arrays(self.images[:, :5], self.labels, "y")
        self.assertIn("expected the same in every split", self.refuses(
            "npy", *good, "--test-images", other[1], "--test-labels", other[3], self.out))

    def test_files_that_are_cut_short_or_damaged(self):
        good = self.arrays(self.images, self.labels)
        whole = (self.folder / "x.npy").read_bytes()
        for cut in (0, 5, 7, 9, 50, 127, 129, len(whole) - 1):
            (self.folder / "x.npy").write_bytes(whole[:cut])
            self.assertRegex(self.refuses("npy", *good, self.out), "x.npy(:? is|: )")
        numpy.savez_compressed(self.folder / "some.npz", train_images=self.images, train_labels=self.labels)
        whole = (self.folder / "some.npz").read_bytes()
        for cut in (0, 3, 100, len(whole) // 2, len(whole) - 23, len(whole) - 1):
            (self.folder / "some.npz").write_bytes(whole[:cut])
            self.assertIn("some.npz is no ZIP archive, or is cut short", self.refuses("npz", "some.npz", self.out))
        told = 0
        for i in range(200):  # no crash, and no other images
            damaged = bytearray(whole)
            damaged[self.random.integers(0, len(whole))] ^= 1 << self.random.integers(0, 8)
            (self.folder / "some.npz").write_bytes(bytes(damaged))
            result = self.run_data("import", "npz", "some.npz", self.out, "--force", code=None)
            self.assertIn(result.returncode, (0, 3), result.stderr)
            told += result.returncode == 3
            if result.returncode == 0:
                self.check(self.images, self.labels)
        self.assertGreater(told, 100)

    def test_the_same_arrays_give_the_same_bytes(self):
        good = self.arrays(self.images, self.labels)
        self.imports("npy", *good, self.out)
        first = self.out.read_bytes()
        self.imports("npy", *good, self.out)
        self.assertEqual(self.out.read_bytes(), first)


class CifarTest(ImportCase):
    def write(self, files, labels, names):
        """{split: (labels, images)} of made-up files; the rows have `labels` bytes before the pixels."""
        random = numpy.random.default_rng(1)
        made = {}
        for split, some in files.items():
            rows = random.integers(0, 256, (4 * len(some), labels + 3072), numpy.uint8)
            rows[:, :labels] %= 10
            for file, part in zip(some, numpy.split(rows, len(some))):
                (self.folder / file).write_bytes(part.tobytes())
            made[split] = rows[:, :labels], numpy.moveaxis(rows[:, labels:].reshape(-1, 3, 32, 32), 1, 3)
        for name, words in names.items():
            (self.folder / name).write_text("\n".join(words) + "\n\n")
        return made

    def test_both_versions(self):
        ten = self.write({"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}, 1,
                         {"batches.meta.txt": [f"kind {i}" for i in range(10)]})
        self.imports("cifar", ".", self.out)
        self.check(ten, 0)
        self.assertEqual(self.class_names()[9], "kind 9")
        self.assertIn("only CIFAR-100", self.refuses("cifar", ".", self.out, "--coarse", code=2))
        whole = (self.folder / "data_batch_3.bin").read_bytes()
        (self.folder / "data_batch_3.bin").write_bytes(whole[:-1])
        (self.folder / "test_batch.bin").unlink()
        words = self.refuses("cifar", ".", self.out)
        self.assertIn("data_batch_3.bin: has 12291 bytes: expected rows of 3073", words)
        self.assertIn("test_batch.bin", words)
        (self.folder / "data_batch_1.bin").unlink()
        self.assertIn("has neither data_batch_1.bin (CIFAR-10) nor train.bin", self.refuses("cifar", ".", self.out))
        hundred = self.write({"train": ["train.bin"], "test": ["test.bin"]}, 2,
                             {"fine_label_names.txt": map(str, range(100)), "coarse_label_names.txt": map(str, range(9))})
        self.imports("cifar", ".", self.out)
        self.check(hundred, 1)
        self.assertRegex(self.refuses("cifar", ".", self.out, "--coarse"), "has the label 9: expected 0 to 8")

    def check(self, made, column):
        with h5py.File(self.out) as file:
            for split, (labels, images) in made.items():
                numpy.testing.assert_array_equal(file[f"{split}/images"][...], images)
                numpy.testing.assert_array_equal(file[f"{split}/labels"][...], labels[:, column])


if __name__ == "__main__":
    unittest.main()
