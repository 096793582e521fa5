"""HDF5 files of others, made by h5py."""

import unittest

import h5py
import numpy

from hdf5_case import Hdf5Case


class NamesTest(Hdf5Case):
    def test_names_that_are_known(self):
        pairs = {"train": (self.images, self.labels), "test": (self.images[:8], self.labels[:8]),
                 "validation": (self.images[:6], self.labels[:6])}
        for images, labels in (("{}_x", "{}_y"), ("X_{}", "y_{}"), ("{}__images", "{}__labels"), ("{}__data", "{}__label"),
                               ("images__{}", "targets__{}"), ("{}_set_x_orig", "{}_set_y"), ("data__{}__x", "data__{}__y")):
            for names in (("train", "test"), ("train", "val", "test"), ("train", "valid", "test")):
                arrays = {}
                for name in names:
                    split = "validation" if name.startswith("val") else name
                    arrays[images.format(name)], arrays[labels.format(name)] = pairs[split]
                summary = self.imports("hdf5", self.write(**arrays), self.out)
                told = [note.split(":")[0] for note in summary["notes"]]
                expected = [split for split in pairs if split != "validation" or len(names) == 3]
                self.assertCountEqual(told, [*expected, "images", "labels"])
                for split in expected:
                    self.check(*pairs[split], split)
        for images, labels in (("images", "labels"), ("data", "label"), ("x", "y"), ("X", "Y"), ("dataset__image", "dataset__target")):
            notes = self.imports("hdf5", self.write(**{images: self.images, labels: self.labels}), self.out)["notes"]
            self.assertEqual(notes[0], f"train: images in.h5:{images.replace('__', '/')}, labels in.h5:{labels.replace('__', '/')}")
            self.check(self.images, self.labels)
        self.imports("hdf5", "in.h5", self.out, "--split", "test")
        self.check(self.images, self.labels, "test")

    def test_the_cats_of_a_course(self):
        names = numpy.array([b"non-cat", b"cat"])
        self.write("train_catvnoncat.h5", train_set_x=self.images, train_set_y=self.labels % 2, list_classes=names)
        self.write("test_catvnoncat.h5", test_set_x=self.images[:7], test_set_y=self.labels[:7] % 2, list_classes=names)
        summary = self.imports("hdf5", "train_catvnoncat.h5", "test_catvnoncat.h5", self.out)
        self.check(self.images, self.labels % 2)
        self.check(self.images[:7], self.labels[:7] % 2, "test")
        self.assertEqual(self.class_names(), ["non-cat", "cat"])
        self.assertIn("names: train_catvnoncat.h5:list_classes", summary["notes"])

    def test_the_six_files_of_pcam(self):
        parts = {"train": 20, "valid": 6, "test": 8}
        for name, rows in parts.items():
            self.write(f"level_2_split_{name}_x.h5", x=self.images[:rows])
            self.write(f"level_2_split_{name}_y.h5", y=(self.labels[:rows] % 2).astype(numpy.uint8).reshape(-1, 1, 1, 1))
        self.imports("hdf5", *(f"level_2_split_{name}_{part}.h5" for name in parts for part in "xy"), self.out)
        for split, rows in (("train", 20), ("validation", 6), ("test", 8)):
            self.check(self.images[:rows], self.labels[:rows] % 2, split)
        self.imports("hdf5", "level_2_split_train_x.h5", self.out, "--images", "x", "--labels", "level_2_split_train_y.h5:y")
        self.check(self.images, self.labels % 2)

    def test_what_is_not_clear_is_listed(self):
        self.write(x=self.images, images=self.images[:, :2], y=self.labels, other__words=numpy.array([b"a", b"bc"]))
        words = self.refuses("hdf5", "in.h5", self.out, code=2)
        self.assertIn("images: in.h5: images, in.h5: x", words)
        for line in ("  x  20x6x5x3  uint8", "  y  20  int64", "  other/words  2  string", "--images PATH --labels PATH"):
            self.assertIn(line, words)
        self.assertIn("none has a name that is known", self.refuses("hdf5", self.write(a=self.images, b=self.labels), self.out, code=2))
        self.assertIn("labels of train: none", self.refuses("hdf5", self.write(train_x=self.images), self.out, code=2))
        self.assertIn("nothing", self.refuses("hdf5", self.write(), self.out, code=2))
        self.write(x=self.images, y=self.labels, train_x=self.images, train_y=self.labels)
        self.assertIn("some names tell a split", self.refuses("hdf5", "in.h5", self.out, code=2))
        self.imports("hdf5", "in.h5", self.out, "--images", "x", "--labels", "train_y")
        words = self.refuses("hdf5", "in.h5", self.out, "--train-images", "X", "--train-labels", "no.h5:y")
        self.assertIn("in.h5: has no X; there is:", words)
        self.assertIn("there is no file no.h5", words)
        both = ("--images", "x", "--labels", "y", "--test-images", "x", "--test-labels", "y")
        self.assertIn("expected --images for one split", self.refuses("hdf5", "in.h5", self.out, *both, code=2))

    def test_splits_by_name_and_drawn(self):
        self.write(a=self.images, b=self.labels, c=self.images[:8], d=self.labels[:8])
        names = ("--train-images", "a", "--train-labels", "b", "--test-images", "c", "--test-labels", "d")
        self.imports("hdf5", "in.h5", self.out, *names)
        self.check(self.images[:8], self.labels[:8], "test")
        self.imports("hdf5", "in.h5", self.out, *names, "--validation", "0.2")
        with h5py.File(self.out) as file:
            self.assertEqual({name: len(file[name]["labels"]) for name in file}, {"train": 16, "validation": 4, "test": 8})
            self.assertEqual(sorted(file["validation/labels"]), [0, 1, 2, 3])
        places = {}
        for split in ("train", "validation"):
            rows = self.rows(split)
            numbers = [int(source.removeprefix("in.h5/a[").removesuffix("]")) for source in rows]
            self.assertEqual(numbers, sorted(numbers))
            places[split] = numbers
            for number, (image, label) in zip(numbers, rows.values()):
                numpy.testing.assert_array_equal(image, self.images[number])
                self.assertEqual(label, self.labels[number])
        self.assertEqual(sorted(places["train"] + places["validation"]), list(range(20)))
        self.assertIn("the split test is there twice", self.refuses("hdf5", "in.h5", self.out, *names, "--test", "0.2", code=2))
        first = self.out.read_bytes() if self.out.exists() else None
        self.assertIsNone(first)
        made = []
        for key in ("1", "1", "2"):
            self.imports("hdf5", "in.h5", self.out, "--images", "a", "--labels", "b", "--validation", "0.2", "--test", "0.2", "--key", key)
            made.append(self.out.read_bytes())
        self.assertEqual(made[0], made[1])
        self.assertNotEqual(made[0], made[2])


class PixelsTest(Hdf5Case):
    def test_channels_first_or_last(self):
        first = numpy.ascontiguousarray(numpy.moveaxis(self.images, 3, 1))
        for images, expected in ((self.images, self.images), (first, self.images), (self.images[..., 0], self.images[..., :1]),
                                 (self.images[..., :1], self.images[..., :1]), (first[:, :1], self.images[..., :1])):
            for chunks in (None, (7, *(max(1, side // 2) for side in images.shape[1:]))):
                with h5py.File(self.folder / "in.h5", "w") as file:
                    file.create_dataset("x", data=images, chunks=chunks, compression=chunks and "gzip", shuffle=bool(chunks))
                    file["y"] = self.labels
                self.imports("hdf5", "in.h5", self.out)
                self.check(expected, self.labels)
        both, neither = self.images[:, :3], numpy.concatenate([self.images, self.images], 3)
        for images, words in ((both, "both the second and the last axis"), (neither, "neither the second nor the last axis")):
            told = self.faults(images, self.labels, code=2)
            self.assertIn(words, told)
            self.assertIn("--layout first", told)
            self.takes(images, self.labels, "--layout", "last")
            self.check(images, self.labels)
            self.takes(images, self.labels, "--layout", "first")
            self.check(numpy.moveaxis(images, 1, 3), self.labels)

    def test_integers(self):
        wide = self.images.astype(numpy.uint16) * 257
        self.assertEqual(self.takes(wide, self.labels)[1], "images: 6 x 5 of 3 channels, stored last; uint16")
        self.check(wide, self.labels)
        for dtype in ("i2", ">i4", "u4", "i8", ">u8"):
            notes = self.takes(self.images.astype(dtype), self.labels)
            self.assertIn("kept as uint8", notes[1])
            self.assertEqual(self.check(self.images, self.labels)[0], numpy.uint8)
            if dtype != "i2":
                self.assertIn("of 0 to 65535, kept as uint16", self.takes(wide.astype(dtype), self.labels)[1])
                self.assertEqual(self.check(wide, self.labels)[0], numpy.uint16)
        self.takes(self.images > 100, self.labels)
        self.check(self.images > 100, self.labels)
        bad = self.images.astype(numpy.int32)
        bad[7, 0, 0, 0] = -5
        self.assertIn("in.h5: x has the value -5 at row 7, and pixels of -5 to 255: expected 0 to 65535", self.faults(bad, self.labels))
        bad[7, 0, 0, 0] = 1 << 20
        self.assertIn("has the value 1048576 at row 7", self.faults(bad, self.labels))

    def test_floats(self):
        shares = self.images / 255
        for images in (shares, shares.astype("f4"), self.images.astype("f4") * numpy.float32(1 / 255), shares.astype(">f8")):
            self.assertIn("all of them k / 255, kept as uint8", self.takes(images, self.labels)[1])
            self.assertEqual(self.check(self.images, self.labels)[0], numpy.uint8)
        self.assertIn("all whole, kept as uint8", self.takes(self.images.astype("f2"), self.labels)[1])
        self.check(self.images, self.labels)
        self.assertIn("all whole, kept as uint16", self.takes(self.images.astype("f8") * 256, self.labels)[1])
        self.check(self.images.astype(numpy.uint16) * 256, self.labels)
        one_off = shares.astype("f4")
        one_off[19, 5, 4, 2] = 0.0123
        for images, words in ((one_off, "shares, kept as float32"), (one_off * 100, "within 0 to 255, kept as float32"),
                              (one_off * 2 - 1, "float32 of -1 to 1, kept as float32")):
            self.assertIn(words, self.takes(images, self.labels)[1])
            self.assertEqual(self.check(images, self.labels)[0], numpy.float32)
        one_off[3, 0, 0, 0], one_off[4, 1, 1, 1] = numpy.nan, -numpy.inf
        words = self.faults(one_off, self.labels)
        self.assertIn("in.h5/x[3]: has a pixel that is nan", words)
        self.assertIn("in.h5/x[4]: has a pixel that is -inf", words)
        self.assertIn("2 of 20 rows are bad", words)
        summary = self.imports("hdf5", "in.h5", self.out, "--skip-bad")
        self.assertEqual([it["what"] for it in summary["left_out"]], ["in.h5/x[3]", "in.h5/x[4]"])
        self.check(numpy.delete(one_off, (3, 4), 0), numpy.delete(self.labels, (3, 4)))

    def test_all_splits_are_looked_at(self):
        shares = (self.images / 255).astype("f4")
        other = shares * 0.999
        names = {"train_x": shares, "train_y": self.labels, "test_x": other, "test_y": self.labels}
        self.assertIn("kept as float32", self.imports("hdf5", self.write(**names), self.out)["notes"][2])
        self.check(shares, self.labels)
        for images, words in ((self.images, "has pixels of uint8, but in.h5: train_x of float32"),
                              (shares[:, :5], "has images of 5 x 5 of 3 channels, stored last, but in.h5: train_x has 6 x 5"),
                              (shares[..., 0], "has images of 6 x 5, grey")):
            self.assertIn(words, self.refuses("hdf5", self.write(**{**names, "test_x": images}), self.out))

    def test_what_are_no_images(self):
        for images, words in ((self.images.reshape(20, -1), "in.h5: x has the shape 20x90: expected (rows, height, width)"),
                              (self.images.reshape(20, 6, 5, 3, 1), "x has 5 dimensions: expected 1 to 4"),
                              (self.images[:0], "x has the shape 0x6x5x3: expected rows"),
                              (self.images[:19], "x has the shape 19x6x5x3, but in.h5: y has 20: expected a label for each of the 19 rows"),
                              (self.images.astype("c8"), "of type compound"), (numpy.float32(1), "dimensions: expected 1 to 4")):
            with self.subTest(words):
                self.assertIn(words, self.faults(images, self.labels, "--images", "x", "--labels", "y"))


class FilesTest(Hdf5Case):
    def test_chunks_of_every_shape_and_both_formats(self):
        images = self.random.integers(0, 4, (900, 12, 10, 3), numpy.uint8)
        labels = self.random.integers(0, 3, 900)
        for options in ({}, {"libver": "latest"}, {"userblock_size": 512}):
            for chunks in ((1, 12, 10, 3), (900, 12, 10, 3), (64, 5, 3, 1), (7, 12, 10, 3)):
                with h5py.File(self.folder / "in.h5", "w", **options) as file:
                    file.create_dataset("x", data=images, chunks=chunks, compression="gzip", fletcher32=True)
                    file.create_dataset("y", data=labels, chunks=(100,))
                self.imports("hdf5", "in.h5", self.out, "--test", "0.1")
                with h5py.File(self.out) as made:
                    self.assertEqual(made["test/labels"].shape, (90,))
                for split in ("train", "test"):
                    for source, (image, label) in self.rows(split).items():
                        number = int(source.removeprefix("in.h5/x[").removesuffix("]"))
                        numpy.testing.assert_array_equal(image, images[number])
                        self.assertEqual(label, labels[number])

    def test_links(self):
        with h5py.File(self.folder / "in.h5", "w") as file:
            file["deep/er/pixels"] = self.images
            file["deep/answers"] = self.labels
            file["train"] = h5py.SoftLink("/deep")
            file["train_x"] = h5py.SoftLink("/train/er/pixels")
            file["train_y"] = h5py.SoftLink("deep/answers")
            file["deep/up"] = file["/"]
            file["nowhere"] = h5py.SoftLink("/none")
            file["circle"] = h5py.SoftLink("circle")
            file["outside"] = h5py.ExternalLink("other.h5", "x")
        self.imports("hdf5", "in.h5", self.out)
        self.check(self.images, self.labels)
        self.write("other.h5", x=self.images)
        for name, words in (("outside", "outside is an external link to other.h5: expected the data itself"),
                            ("nowhere", "has no nowhere"), ("circle", "leads in a circle"), ("deep", "cannot be opened as a dataset"),
                            ("deep/er/pixels/x", "pixels is no group"), ("/", "expected the path of an array")):
            words_got = self.refuses("hdf5", "in.h5", self.out, "--images", name, "--labels", "deep/answers")
            self.assertIn(words, words_got)
        listed = self.refuses("hdf5", "in.h5", self.out, "--images", "none", "--labels", "deep/answers")
        for line in ("outside  external link to other.h5", "circle  soft link that leads nowhere", "train_x  20x6x5x3  uint8"):
            self.assertIn(line, listed)
        self.imports("hdf5", "in.h5", self.out, "--images", "deep/up/deep/er/pixels", "--labels", "/train/answers")

    def test_data_elsewhere_and_types_that_are_refused(self):
        with h5py.File(self.folder / "in.h5", "w") as file:
            layout = h5py.VirtualLayout((20, 6, 5, 3), "u1")
            layout[:] = h5py.VirtualSource("other.h5", "x", (20, 6, 5, 3))
            file.create_virtual_dataset("virtual", layout)
            file.create_dataset("external", (20, 6, 5, 3), "u1", external=[("pixels.raw", 0, h5py.h5f.UNLIMITED)])
            file["y"] = self.labels
            file.create_dataset("references", (20, 6, 5), h5py.ref_dtype)
            file.create_dataset("ragged", (20,), h5py.vlen_dtype("u1"))
            file.create_dataset("unwritten", (20, 6, 5), "u1")
            file.create_dataset("half", (20, 6, 5), "u1", chunks=(10, 6, 5))[:10] = 1
            file.create_dataset("lzf", data=self.images, compression="lzf")
        (self.folder / "pixels.raw").write_bytes(bytes(20 * 90))
        for name, words in (("virtual", "is a virtual dataset: copy the data"), ("external", "is stored in other files"),
                            ("references", "of type reference"), ("ragged", "of type array of variable length"),
                            ("unwritten", "is not wholly written"), ("half", "is not wholly written"), ("lzf", "uses the filter lzf")):
            words_got = self.refuses("hdf5", "in.h5", self.out, "--images", name, "--labels", "y")
            self.assertIn(f"in.h5: {name} {words}" if " of type" not in f" {words}" else words, words_got)
        listed = self.refuses("hdf5", "in.h5", self.out, "--images", "none", "--labels", "y")
        self.assertIn("virtual  virtual dataset", listed)

    def test_files_that_are_none(self):
        self.write(x=self.images, y=self.labels)
        whole = (self.folder / "in.h5").read_bytes()
        for cut in (0, 1, 100, 600, len(whole) // 2, len(whole) - 1):
            (self.folder / "in.h5").write_bytes(whole[:cut])
            self.assertIn("in.h5: no HDF5 file, or a truncated or damaged one", self.refuses("hdf5", "in.h5", self.out))
        (self.folder / "in.h5").write_bytes(b"\x1f\x8b" + whole)
        words = self.refuses("hdf5", "in.h5", "none.h5", ".", self.out)
        for part in ("in.h5: is compressed by gzip", "none.h5: there is no such file", "no regular file"):
            self.assertIn(part, words)
        self.refuses("hdf5", self.out, code=2)

    def test_all_faults_at_once(self):
        words = self.faults(self.images.reshape(20, -1), numpy.linspace(0, 1, 20), "--train-images", "x", "--train-labels", "y",
                            "--test-images", "y", "--test-labels", "y", "--class-names", "none")
        for part in ("in.h5: x has the shape 20x90", "in.h5: y has the value 0.05", "has no none", "in.h5: y has the shape 20"):
            self.assertIn(part, words)


if __name__ == "__main__":
    unittest.main()
