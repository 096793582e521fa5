"""Labels in HDF5 files of others, made by h5py: by type, shape and values."""

import unittest

import h5py
import numpy

from hdf5_case import Hdf5Case


class LabelsTest(Hdf5Case):
    def test_a_class_each(self):
        for dtype in ("u1", "i1", "u2", ">i2", "u4", "i4", "u8", ">i8", "f2", "f4", ">f8"):
            for shape in ((20,), (20, 1), (20, 1, 1, 1)):
                notes = self.takes(self.images, self.labels.astype(dtype).reshape(shape))
                self.assertEqual(notes[-1], "labels: 4 classes" + (", whole numbers" if "f" in dtype else ""))
                self.assertEqual(self.check(self.images, self.labels)[1], numpy.int64)
        self.takes(self.images, self.labels > 1)
        self.check(self.images, self.labels > 1)
        self.takes(self.images, self.labels, "--class-names", "a,b,c,d,e")
        self.assertEqual(self.class_names(), list("abcde"))

    def test_holes_are_numbered_anew(self):
        for table in ([0, 3, 7, 9], [1, 2, 3, 4], [-1, 0, 1, 2], [5, 6, 1 << 40, 1 << 50]):
            labels = numpy.array(table)[self.labels]
            notes = self.takes(self.images, labels)
            told = ", ".join(f"{value} -> {i}" for i, value in enumerate(table))
            self.assertIn(f"numbered anew: {told}; the names of the classes are the old numbers", "\n".join(notes))
            self.check(self.images, self.labels)
            self.assertEqual(self.class_names(), [str(value) for value in table])
            self.takes(self.images, labels, "--class-names", "a,b,c,d")
            self.assertEqual(self.class_names(), list("abcd"))
            self.check(self.images, self.labels)
        self.takes(self.images, self.labels * 2, "--class-names", "a,b,c,d,e,f,g")
        self.check(self.images, self.labels * 2)
        self.assertIn("has 4 classes, numbered 0 to 6, but there are 5 names (--class-names)",
                      self.faults(self.images, self.labels * 2, "--class-names", "a,b,c,d,e"))
        self.write(train_x=self.images, train_y=numpy.array([2, 4])[self.labels % 2], test_x=self.images, test_y=numpy.full(20, 3))
        self.imports("hdf5", "in.h5", self.out)
        self.check(self.images, self.labels % 2 * 2)
        self.check(self.images, numpy.full(20, 1), "test")

    def test_one_hot_and_several_labels(self):
        one_hot = numpy.eye(5)[self.labels]
        for dtype in ("u1", "i8", "f4", "?"):
            notes = self.takes(self.images, one_hot.astype(dtype))
            self.assertIn("5 classes, one-hot: every row has exactly one 1; with --multi they are labels", notes[-1])
            self.check(self.images, self.labels)
            notes = self.takes(self.images, one_hot.astype(dtype), "--multi")
            self.assertEqual(self.check(self.images, one_hot)[1], numpy.uint8)
        bits = one_hot.copy()
        bits[4], bits[5, :] = 0, 1
        self.assertIn("5 labels a row: 2 rows have not exactly one 1", self.takes(self.images, bits)[-1])
        self.check(self.images, bits)
        words = self.faults(self.images, bits, "--one-hot")
        self.assertIn("in.h5/x[4]: has 0 of its labels: expected exactly one 1", words)
        self.assertIn("in.h5/x[5]: has 5 of its labels", words)
        self.assertIn("5 classes a row, but there are 2 names", self.faults(self.images, one_hot, "--class-names", "a,b"))
        one_hot[6, 1] = 0.5
        self.assertIn("in.h5: y has the value 0.5 at row 6: expected 0 or 1 in 5 columns", self.faults(self.images, one_hot))
        self.faults(self.images, one_hot, "--multi", "--one-hot", code=2)

    def test_numbers(self):
        numbers = self.random.normal(size=(20, 3))
        for values, count in ((numbers, 3), (numbers[:, 0], 1), (self.labels, 1), (numbers[:, :1].astype(">f4"), 1)):
            self.assertEqual(self.takes(self.images, values, "--numbers")[-1], f"labels: {count} numbers a row")
            self.assertEqual(self.check(self.images, values.reshape(20, count).astype("f4"))[1], numpy.float32)
        self.takes(self.images, numbers, "--numbers", "--class-names", "x,y,z")
        self.assertEqual(self.class_names(), list("xyz"))
        self.assertIn("expected classes, whole numbers below 2^53; --numbers", self.faults(self.images, numbers[:, 0]))
        self.assertIn("--numbers takes them as numbers", self.faults(self.images, numbers))
        numbers[3, 1] = numpy.nan
        self.assertIn("in.h5/x[3]: has the label nan: expected finite numbers", self.faults(self.images, numbers, "--numbers"))
        classes = self.labels.astype("f4")
        classes[9] = numpy.nan
        self.assertIn("in.h5/x[9]: has the label nan: expected a class", self.faults(self.images, classes))

    def test_text(self):
        names = numpy.array(["zebra", "ape", "größe", "cat"])
        order = sorted(range(4), key=lambda i: names[i].encode())
        expected = numpy.argsort(order)[self.labels]
        texts = [str(names[i]) for i in self.labels]
        with h5py.File(self.folder / "in.h5", "w") as file:
            file["x"] = self.images
            file.create_dataset("y", data=texts, chunks=(7,), compression="gzip", shuffle=True)
        self.imports("hdf5", "in.h5", self.out)
        self.check(self.images, expected)
        for values in (texts, numpy.array([text.encode() for text in texts]), numpy.array([text.encode() for text in texts]).reshape(20, 1),
                       numpy.array([text.encode() for text in texts], h5py.string_dtype("utf-8", 12))):
            self.assertEqual(self.takes(self.images, values)[-1], "labels: 4 classes, named by strings, in sorted order")
            self.check(self.images, expected)
            self.assertEqual(self.class_names_text(), [names[i] for i in order])
        self.takes(self.images, texts, "--class-names", ",".join(names))
        self.check(self.images, self.labels)
        self.assertIn("which is none of the 2 names", self.faults(self.images, texts, "--class-names", "ape,cat"))
        texts[5] = ""
        self.assertIn("in.h5/x[5]: has an empty label", self.faults(self.images, texts))
        self.assertIn("expected no --multi", self.faults(self.images, texts, "--numbers", code=2))
        self.assertIn("string of over 4096 bytes", self.faults(self.images, ["a" * 5000] * 20))

    def class_names_text(self):
        with h5py.File(self.out) as file:
            return [name.decode() for name in file.attrs["class_names"]]

    def test_names_in_an_array(self):
        self.write(x=self.images, y=self.labels, meta__names=["p", "q", "r", "s"], empty=["p", "", "r", "s"])
        self.imports("hdf5", "in.h5", self.out, "--class-names", "meta/names")
        self.assertEqual(self.class_names(), list("pqrs"))
        self.imports("hdf5", "in.h5", self.out, "--class-names", "in.h5:meta/names")
        self.assertIn("name 1 is empty", self.refuses("hdf5", "in.h5", self.out, "--class-names", "empty"))
        self.assertIn("expected a list of strings", self.refuses("hdf5", "in.h5", self.out, "--class-names", "y"))
        self.assertIn("has no nothing", self.refuses("hdf5", "in.h5", self.out, "--class-names", "nothing"))
        self.write("other.h5", class_names=["1", "2", "3", "4"])
        self.write(x=self.images, y=self.labels, list_classes=["p", "q", "r", "s"])
        self.assertIn("other.h5:class_names has other names of classes than in.h5:list_classes",
                      self.refuses("hdf5", "in.h5", "other.h5", self.out, "--images", "x", "--labels", "y", code=2))
        self.imports("hdf5", "in.h5", "other.h5", self.out, "--images", "x", "--labels", "y", "--class-names", "other.h5:class_names")
        self.assertEqual(self.class_names(), list("1234"))

    def test_masks(self):
        masks = self.random.integers(0, 3, (20, 6, 5))
        masks[:3].flat[:3] = 0, 1, 2
        for dtype, shape in (("u1", (20, 6, 5)), ("i4", (20, 6, 5, 1)), ("f4", (20, 1, 6, 5))):
            self.assertEqual(self.takes(self.images, masks.astype(dtype).reshape(shape))[-1], "labels: 3 classes, one a pixel: masks")
            self.assertEqual(self.check(self.images, masks)[1], numpy.uint8)
        void = masks.copy()
        void[4, 2, 2:] = 255
        notes = "\n".join(self.takes(self.images, void))
        self.assertIn("0 -> 0, 1 -> 1, 2 -> 2, 255 -> 3", notes)
        self.assertIn("say --ignored 255", notes)
        self.takes(self.images, void, "--ignored", "255")
        self.check(self.images, void)
        with h5py.File(self.out) as file:
            self.assertEqual(file["train/labels"].attrs["ignored"], 255)
            self.assertEqual(len(file.attrs["class_names"]), 3)
        self.takes(self.images, (masks > 1).astype("u1") * 255)
        self.check(self.images, masks > 1)
        self.assertIn("--ignored is of masks", self.faults(self.images, self.labels, "--ignored", "3", code=2))
        for wrong in (masks[:, :5], numpy.repeat(masks[..., None], 3, 3)):
            self.assertIn("masks of (rows, 6, 5), a number a pixel", self.faults(self.images, wrong))
        self.assertIn("without --numbers", self.faults(self.images, masks, "--numbers"))
        self.assertIn("has the value 0.5 at row 2", self.faults(self.images, numpy.where(numpy.arange(20)[:, None, None] == 2, 0.5, masks)))


if __name__ == "__main__":
    unittest.main()
