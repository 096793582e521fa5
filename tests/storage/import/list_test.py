"""Pictures that a table lists: classes, labels, numbers; splits, groups; what is wrong with a table."""

import csv
import unittest

import h5py
import numpy

from importing import ImportCase, noise


class ListTest(ImportCase):
    def table(self, columns, rows, name="table.csv", **options):
        with open(self.folder / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, **options).writerows([columns, *rows])
        return name

    def pictures(self, count):
        names = [f"{i} \u00e9, \"q\".png" for i in range(count)]
        for i, name in enumerate(names):
            self.save(f"pictures/{name}", noise(6, 5, seed=i))
        return [f"pictures/{name}" for name in names]

    def made(self, split="train"):
        """[(line, image, target)] and the attributes of the labels."""
        with h5py.File(self.out) as file:
            group = file[split]
            return (list(zip(group["sources/line"][...], group["images"][...], group["labels"][...])),
                    {name: value.tolist() for name, value in group["labels"].attrs.items()})

    def test_a_class_each(self):
        files = self.pictures(12)
        table = self.table(("file", "kind"), [(file, ("9", "10", "1")[i % 3]) for i, file in enumerate(files)])
        self.imports("list", table, self.out, "--path", "file", "--label", "kind")
        self.assertEqual(self.class_names(), ["1", "9", "10"])
        rows, _ = self.made()
        for line, image, label in rows:
            numpy.testing.assert_array_equal(image, numpy.asarray(noise(6, 5, seed=line - 2)))
            self.assertEqual(self.class_names()[label], ("9", "10", "1")[(line - 2) % 3])
        self.assertIn("row 0 (table.csv:", self.run_data("info", self.out).stdout)

    def test_several_labels(self):
        files = self.pictures(6)
        bits = numpy.random.default_rng(1).integers(0, 2, (6, 3))
        names = ("low", "high", "odd")
        by_columns = self.table(("file", *names), [(file, *row) for file, row in zip(files, bits)], "columns.tsv",
                                delimiter="\t")
        by_names = self.table(("file", "tags"), [(file, ";".join(numpy.array(names)[row == 1])) for file, row in
                                                 zip(files, bits)], "names.csv")
        for table, option in ((by_columns, "low,high,odd"), (by_names, "tags")):
            self.imports("list", table, self.out, "--path", "file", "--labels", option)
            with h5py.File(self.out) as file:
                self.assertEqual(file["train/labels"].dtype, numpy.uint8)
            order = [self.class_names().index(name) for name in names]
            for line, _, labels in self.made()[0]:
                numpy.testing.assert_array_equal(labels[order], bits[line - 2])
            self.assertEqual(self.run_data("info", self.out).stderr, "")

    def test_numbers(self):
        files = self.pictures(8)
        values = numpy.random.default_rng(2).normal(size=(8, 2)).astype(numpy.float32)
        table = self.table(("file", "x", "y"), [(file, *map(repr, map(float, row))) for file, row in zip(files, values)])
        self.imports("list", table, self.out, "--path", "1", "--numbers", "x,y", "--units", "mm,s", "--test", "0.25")
        for split, count in (("train", 6), ("test", 2)):
            rows, attributes = self.made(split)
            self.assertEqual(len(rows), count)
            for line, _, numbers in rows:
                numpy.testing.assert_array_equal(numbers, values[line - 2])
            self.assertEqual(attributes["units"], [b"mm", b"s"])
        info = self.run_data("info", self.out, "--json").stdout
        self.assertIn('"unit": "mm"', info)

    def test_splits_and_groups(self):
        files = self.pictures(40)
        rows = [(file, i % 2, i // 4, ("train", "train", "val", "test")[i % 4]) for i, file in enumerate(files)]
        table = self.table(("file", "kind", "patient", "part"), rows)
        self.imports("list", table, self.out, "--path", "file", "--label", "kind", "--split", "part")
        self.assertEqual([len(self.made(split)[0]) for split in ("train", "validation", "test")], [20, 10, 10])
        self.imports("list", table, self.out, "--path", "file", "--label", "kind", "--group", "patient", "--test", "0.3")
        patients = [{(line - 2) // 4 for line, _, _ in self.made(split)[0]} for split in ("train", "test")]
        self.assertEqual((len(patients[0]), len(patients[1]), patients[0] & patients[1]), (7, 3, set()))

    def test_tables_of_others(self):
        self.save("a.png", noise(6, 5))
        self.save("b.png", noise(6, 5, seed=2))
        for content in (b"\xef\xbb\xbffile;kind\r\na.png;\"x;\r\n\"\"y\"\"\"\r\nb.png;z", b"file\tkind\n\na.png\tx\nb.png\tz\n\n",
                        b"file,kind\na.png,\"x\nx\"\nb.png,z\n"):
            (self.folder / "table").write_bytes(content)
            self.imports("list", "table", self.out, "--path", "file", "--label", "kind")
            self.assertEqual(len(self.class_names()), 2)
        with h5py.File(self.out) as file:
            self.assertEqual(sorted(file["train/sources/line"][...].tolist()), [2, 4])

    def test_all_that_is_wrong_is_told(self):
        files = self.pictures(4)
        table = self.table(("file", "x", "kind", "part"), [(files[0], "1.5", "a", "train"), (files[1], "nan", "", "train"),
                                                           (files[2], "1e99", "b", "other"), ("none.png", "", "b", "test")])
        words = self.refuses("list", table, self.out, "--path", "file", "--numbers", "x,z", "--group", "who")
        self.assertIn('has no column "z": expected one of "file", "x", "kind", "part", or a number from 1 to 4', words)
        self.assertIn('has no column "who"', words)
        for line, text in ((3, "nan"), (4, "1e99"), (5, "")):
            self.assertIn(f'table.csv:{line}: column "x" is "{text}": expected a finite number', words)
        words = self.refuses("list", table, self.out, "--path", "file", "--label", "kind", "--split", "part")
        self.assertIn("table.csv:3: the label is empty", words)
        self.assertIn('table.csv:4: the split is "other": expected train, validation or test', words)
        good = self.table(("file", "kind"), [(file, "a") for file in (*files, "none.png", files[0])], "more.csv")
        words = self.refuses("list", good, self.out, "--path", "file", "--label", "kind")
        self.assertIn("1 of 6 rows are bad", words)
        self.assertIn("more.csv:6: ", words)
        summary = self.imports("list", good, self.out, "--path", "file", "--label", "kind", "--skip-bad")
        self.assertIn("1 rows name a picture that an earlier one names: " + files[0] + " on lines 2 and 7",
                      summary["warnings"][0])
        for content, expected in ((b"file,kind\na.png\n", "table.csv:2: expected 2 cells, as in the first line, got 1"),
                                  (b"file,kind\na.png,\"x\n", "table.csv:2: a quote is open from here"),
                                  (b"file,kind\n", "at least one row"), (b"", "at least one row")):
            (self.folder / "table.csv").write_bytes(content)
            self.assertIn(expected, self.refuses("list", "table.csv", self.out, "--path", "file", "--label", "kind"))
        self.assertIn("none.csv", self.refuses("list", "none.csv", self.out, "--path", "file", "--label", "kind"))

    def test_wrong_usage(self):
        for arguments, words in (((), "expected one of --label"), (("--label", "a", "--numbers", "b"), "expected one of"),
                                 (("--numbers", "a,b", "--units", "m"), "--units: expected one for each of the 2"),
                                 (("--label", "a", "--split", "b", "--test", "0.1"), "expected no --validation and --test"),
                                 (("--label", "a", "--test", "0.5", "--validation", "0.5"), "less than 1 together")):
            self.assertIn(words, self.refuses("list", "t.csv", self.out, "--path", "file", *arguments, code=2))


if __name__ == "__main__":
    unittest.main()
