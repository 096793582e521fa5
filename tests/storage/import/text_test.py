"""Texts as characters: a channel each, one line; what is cut, what is not known, splits."""

import csv
import unittest

import h5py
import numpy

from importing import ImportCase

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+=<>()[]{}\n"


class TextTest(ImportCase):
    def table(self, rows, name="t.csv", columns=("kind", "text")):
        with open(self.folder / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *rows])
        return name

    def texts(self, split="train", alphabet=ALPHABET):
        """{line of the table: (the text that the row holds, label)}."""
        with h5py.File(self.out) as file:
            group = file[split]
            self.assertEqual(group["images"].shape[1], 1)
            self.assertEqual(group["images"].shape[3], len(alphabet))
            self.assertEqual((set(group["images"].attrs["mean"]), set(group["images"].attrs["deviation"])), ({0}, {1}))
            found = {}
            for line, image, label in zip(group["sources/line"][...], group["images"][...], group["labels"][...]):
                self.assertTrue(set(image.flat) <= {0, 255})
                self.assertLessEqual((image[0] > 0).sum(axis=1).max(), 1)
                found[line] = ("".join(alphabet[c.argmax()] if c.any() else " " for c in image[0]).rstrip(" "), label)
            return found

    def test_characters(self):
        rows = [("good", "Nice Tea!"), ("bad", "caf\u00e9 \u732b, \"no\""), ("good", "x" * 50), ("bad", "")]
        summary = self.imports("text", self.table(rows), self.out, "--label", "kind", "--text", "text", "--length", "20")
        self.assertEqual(self.class_names(), ["bad", "good"])
        self.assertEqual(self.texts(), {2: ("nice tea!", 1), 3: ("caf   , \"no\"", 0), 4: ("x" * 20, 1), 5: ("", 0)})
        self.assertEqual(summary["warnings"][:2], ["1 of 4 texts are longer than 20 characters, and cut there; --length",
                                                   "7.0 % of the characters are blank: spaces, and what is not in the alphabet"])
        self.imports("text", "t.csv", self.out, "--label", "kind", "--text", "text", "--length", "9", "--alphabet", "aA ice!")
        self.assertEqual(self.texts(alphabet="aA ice!")[2][0], " ice  ea!")

    def test_columns_tables_and_splits(self):
        rows = [(i % 3, f"title {i}", f"body {i}") for i in range(30)]
        table = self.table(rows, columns=("kind", "title", "body"))
        both = ("--label", "kind", "--text", "title,body", "--length", "40")
        self.imports("text", table, self.out, *both, "--validation", "0.2", "--test", "0.1")
        counts = [len(self.texts(split)) for split in ("train", "validation", "test")]
        self.assertEqual(counts, [21, 6, 3])
        for line, (text, label) in self.texts().items():
            self.assertEqual((text.replace(" ", ""), label), (f"title{line - 2}\nbody{line - 2}", (line - 2) % 3))
        first = self.out.read_bytes()
        self.imports("text", table, self.out, *both, "--validation", "0.2", "--test", "0.1")
        self.assertEqual(self.out.read_bytes(), first)
        other = self.table(rows[:6], "other.csv", ("kind", "title", "body"))
        self.imports("text", "--train", table, "--test", other, self.out, *both)
        self.assertEqual([len(self.texts("train")), len(self.texts("test"))], [30, 6])

    def test_what_is_wrong(self):
        self.table([("a", "x"), ("", "y")])
        self.assertIn("t.csv:3: the label is empty", self.refuses("text", "t.csv", self.out, "--label", "1", "--text", "2"))
        words = self.refuses("text", "t.csv", self.out, "--label", "class", "--text", "text,body")
        self.assertIn('no column "class"', words)
        self.assertIn('no column "body"', words)
        words = self.refuses("text", "--train", "t.csv", "--test", "none.csv", self.out, "--label", "kind", "--text", "text")
        self.assertIn("t.csv:3", words)
        self.assertIn("none.csv", words)
        for alphabet in ("aba", "\u00e9"):
            self.assertIn("each once", self.refuses("text", "t.csv", self.out, "--label", "1", "--text", "2", "--alphabet",
                                                    alphabet, code=2))
        self.assertIn("expected TABLE OUT, or --train TABLE OUT",
                      self.refuses("text", self.out, "--label", "1", "--text", "2", code=2))


if __name__ == "__main__":
    unittest.main()
