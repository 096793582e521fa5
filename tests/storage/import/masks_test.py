"""Masks that a table lists: kinds of files, sizes beside Pillow's nearest neighbour, names, what is wrong with them."""

import csv
import unittest

import h5py
import numpy
from PIL import Image, ImageOps

from importing import ImportCase, noise

IGNORED = 255  # as it is written


def blobs(height, width, classes, seed=1):
    """A mask of regions some pixels wide, (height, width)."""
    small = numpy.random.default_rng(seed).integers(0, classes, (height // 5 + 2, width // 5 + 2), numpy.uint8)
    return numpy.kron(small, numpy.ones((5, 5), numpy.uint8))[:height, :width].copy()


def places(stored, whole, made):
    """[(stored place, both neighbours are as near)] of a line of `made`; None: outside. In whole numbers."""
    first, to_first = max(0, whole - made) // 2, max(0, made - whole) // 2
    found = []
    for i in range(made):
        at = i - to_first + first
        inside = 0 <= at < whole
        found.append(((2 * at + 1) * stored // (2 * whole), (2 * at + 1) * stored % (2 * whole) == 0) if inside else None)
    return found


class MasksTest(ImportCase):
    def table(self, rows, columns=("image", "mask"), name="table.csv"):
        with open(self.folder / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *rows])

    def masks(self, *arguments, split="train"):
        """{line: mask} after an import, and the data set of masks itself, read."""
        self.imports("list", "table.csv", self.out, "--path", "image", "--mask", "mask", *arguments)
        with h5py.File(self.out) as file:
            labels = file[f"{split}/labels"]
            self.kept = labels.dtype, int(labels.attrs["ignored"]), file[f"{split}/images"][...]
            return dict(zip(file[f"{split}/sources/line"][...].tolist(), labels[...], strict=True))

    def one(self, mask, *arguments, image=None, **options):
        """The mask that comes of this one, by Pillow or as an array, beside a picture."""
        mask = Image.fromarray(mask) if isinstance(mask, numpy.ndarray) else mask
        self.save("mask.png", mask, **options)
        self.save("image.png", image or noise(mask.height, mask.width))
        self.table([("image.png", "mask.png")])
        return self.masks(*arguments)[2]

    def refuses_masks(self, *arguments, code=3):
        return self.refuses("list", "table.csv", self.out, "--path", "image", "--mask", "mask", *arguments, code=code)

    def test_kinds_of_files(self):
        self.save("image.png", noise(21, 19))
        bits, nine = blobs(21, 19, 2), blobs(21, 19, 9)
        indexed = Image.fromarray(nine, "P")
        indexed.putpalette(numpy.random.default_rng(1).integers(0, 256, 768).tolist())
        grey, two = Image.fromarray(nine), Image.fromarray(bits * 255).convert("1")
        wide = Image.fromarray(nine.astype(numpy.uint16))
        cases = [("grey.png", grey, {}), ("palette.png", indexed, {}), ("clear.png", indexed, {"transparency": 0}),
                 ("four.png", indexed, {"bits": 4}), ("wide.png", wide, {}), ("two.png", two, {}),
                 ("grey.tif", grey, {}), ("palette.tif", indexed, {}), ("lzw.tif", grey, {"compression": "tiff_lzw"}),
                 ("wide.tif", wide, {"compression": "tiff_deflate"}), ("two.tif", two, {}),
                 ("fax.tif", two, {"compression": "group4"}), ("grey.pgm", grey, {}), ("two.pbm", two, {})]
        for name, mask, options in cases:
            self.save(name, mask, **options)
        text = "\n".join(" ".join(map(str, line)) for line in nine)
        (self.folder / "plain.pgm").write_text(f"P2 19 21 9\n{text}\n")
        (self.folder / "raw.pgm").write_bytes(b"P5 19 21 9\n" + nine.tobytes())
        (self.folder / "most.pgm").write_bytes(b"P5 19 21 300\n" + nine.astype(">u2").tobytes())
        names = [name for name, _, _ in cases] + ["plain.pgm", "raw.pgm", "most.pgm"]
        self.table([("image.png", name) for name in names])
        made = self.masks("--class-names", ",".join("abcdefghi"))
        self.assertEqual(self.kept[:2], (numpy.uint8, IGNORED))
        self.assertEqual(self.class_names(), list("abcdefghi"))
        for line, name in enumerate(names, 2):
            numpy.testing.assert_array_equal(made[line], bits if name.startswith(("two", "fax")) else nine, name)

    def test_packed_lines_of_tiff(self):
        for bits, levels in ((1, 2), (2, 4), (4, 16)):
            values = numpy.random.default_rng(bits).integers(0, levels, (5, 13), numpy.uint8)
            for photometric in (0, 1):  # white or black is zero
                lines = b""
                for line in values if photometric else levels - 1 - values:
                    line = numpy.append(line, numpy.zeros(-len(line) % (8 // bits), numpy.uint8)).reshape(-1, 8 // bits)
                    lines += bytes((line << numpy.arange(8 - bits, -1, -bits)).sum(axis=1).tolist())
                tags = ((256, 13), (257, 5), (258, bits), (259, 1), (262, photometric), (273, 8 + 2 + 8 * 12 + 4), (277, 1),
                        (279, len(lines)))
                head = b"II*\0" + (8).to_bytes(4, "little") + len(tags).to_bytes(2, "little") + b"".join(
                    tag.to_bytes(2, "little") + (4).to_bytes(2, "little") + (1).to_bytes(4, "little") +
                    value.to_bytes(4, "little") for tag, value in tags) + bytes(4)
                (self.folder / "mask.tif").write_bytes(head + lines)
                self.save("image.png", noise(5, 13))
                self.table([("image.png", "mask.tif")])
                numpy.testing.assert_array_equal(self.masks()[2], values, f"{bits} bits, photometric {photometric}")

    def test_sizes_beside_pillow(self):
        for height, width, seed in ((40, 60, 1), (61, 37, 2), (8, 9, 3), (90, 31, 4)):
            mask = blobs(height, width, 7, seed)
            for made in ((20, 30), (33, 33), (17, 64), (100, 75), (7, 5)):
                whole = self.whole_sizes(height, width, *made)
                for fit, (whole_height, whole_width) in whole.items():
                    got = self.one(mask, "--size", f"{made[0]}x{made[1]}", "--fit", fit, "--class-names", "a,b,c,d,e,f,g")
                    lines = places(height, whole_height, made[0])
                    columns = places(width, whole_width, made[1])
                    pillow = Image.fromarray(mask).resize((whole_width, whole_height), Image.NEAREST)
                    left, top = max(0, whole_width - made[1]) // 2, max(0, whole_height - made[0]) // 2
                    part = numpy.asarray(pillow)[top:top + made[0], left:left + made[1]]
                    expected = numpy.full(made, IGNORED)
                    top, left = max(0, made[0] - whole_height) // 2, max(0, made[1] - whole_width) // 2
                    expected[top:top + part.shape[0], left:left + part.shape[1]] = part
                    clear = numpy.logical_not([[bool(line and line[1] or column and column[1]) for column in columns]
                                               for line in lines])
                    words = f"{height} x {width} to {made}, {fit}"
                    numpy.testing.assert_array_equal(got[clear], expected[clear], words)
                    self.assertLess((got != expected).mean(), 0.25, words)  # Pillow adds steps up, and rounds
                    exact = [[mask[line[0], column[0]] if line and column else IGNORED for column in columns]
                             for line in lines]
                    numpy.testing.assert_array_equal(got, exact, words)

    @staticmethod
    def whole_sizes(height, width, made_height, made_width):
        """{fit: size before it is cropped or padded}, the other side rounded to the nearest."""
        by_width = (max(1, int(height * made_width / width + 0.5)), made_width)
        by_height = (made_height, max(1, int(width * made_height / height + 0.5)))
        covers = made_width * height >= made_height * width
        return {"exact": (made_height, made_width), "crop": by_width if covers else by_height,
                "pad": by_height if covers else by_width}

    def test_lies_on_its_picture(self):
        mask = blobs(75, 50, 2)
        for fit in ("crop", "pad", "exact"):
            for size in ("150x150", "70x90", "200x60"):
                got = self.one(mask, "--size", size, "--fit", fit, image=Image.fromarray(mask * 255))
                pixels = self.kept[2][0, ..., 0]
                counted = got != IGNORED
                self.assertEqual(counted.all(), fit != "pad")
                sure = counted & ((pixels < 32) | (pixels > 223))
                self.assertGreater(sure.sum(), 0.5 * counted.sum())
                self.assertLess((got[sure] != (pixels[sure] > 127)).mean(), 0.001, f"{fit}, {size}")

    def test_turns(self):
        mask, image = blobs(12, 17, 4), noise(12, 17)
        exif = Image.Exif()
        exif[274] = 6
        self.save("image.jpg", image, exif=exif)
        self.save("turned.png", Image.fromarray(mask), exif=exif)
        self.save("seen.png", Image.fromarray(numpy.ascontiguousarray(numpy.rot90(mask, -1))))
        self.save("stored.png", Image.fromarray(mask))
        self.table([("image.jpg", "turned.png"), ("image.jpg", "seen.png")])
        made = self.masks()
        with Image.open(self.folder / "turned.png") as turned:
            expected = numpy.asarray(ImageOps.exif_transpose(turned))
        numpy.testing.assert_array_equal(made[2], expected)
        numpy.testing.assert_array_equal(made[3], expected)
        self.table([("image.jpg", "stored.png")])
        self.assertIn("stored.png is 17 x 12 pixels, its picture 12 x 17: expected the same size; one is turned",
                      self.refuses_masks())

    def test_what_numbers_mean(self):
        mask = blobs(15, 15, 3)
        self.assertEqual(numpy.unique(mask).tolist(), [0, 1, 2])
        for chosen, expected, names in (
                ((), mask, ["0", "1", "2"]),
                (("--class-names", "a,b,c,d"), mask, ["a", "b", "c", "d"]),
                (("--ignored", "2"), numpy.where(mask == 2, IGNORED, mask), ["0", "1"]),
                (("--class-names", "a,b", "--mask-values", "2,1", "--ignored", "0"),
                 numpy.choose(mask, [IGNORED, 1, 0]), ["a", "b"]),
                (("--mask-values", "0,2,1"), numpy.choose(mask, [0, 2, 1]), ["0", "2", "1"])):
            numpy.testing.assert_array_equal(self.one(mask, *chosen), expected, str(chosen))
            self.assertEqual(self.class_names(), names)
        self.assertEqual(numpy.unique(self.one(mask // 2 * 255, "--mask-values", "0,255")).tolist(), [0, 1])
        (self.folder / "names.txt").write_text("no cat\r\ncat, asleep\nd\u00f6g\n", encoding="utf-8")
        self.one(mask, "--class-names", "names.txt")
        self.assertEqual(self.class_names(), ["no cat", "cat, asleep", "d\u00f6g"])
        (self.folder / "names.txt").write_text("a\n\nb\n")
        self.assertIn("names.txt:2: expected a name", self.refuses_masks("--class-names", "names.txt", code=2))

    def test_more_than_a_byte(self):
        mask = numpy.arange(400, dtype=numpy.uint16).reshape(20, 20)
        made = self.one(mask, "--ignored", "300")
        self.assertEqual(self.kept[:2], (numpy.int32, -1))
        self.assertEqual(len(self.class_names()), 400)
        numpy.testing.assert_array_equal(made, numpy.where(mask == 300, -1, mask))

    def test_what_is_read_is_told(self):
        mask = blobs(20, 20, 2)
        mask[mask == 1] = 2
        mask[3:5, 7] = 255
        self.one(mask, "--class-names", "earth,sea,sky", "--ignored", "255")
        told = self.run_data("info", self.out, "--pictures", "sheet.png").stdout
        self.assertIn("sky", told)
        with Image.open(self.folder / "sheet.png") as sheet:
            self.assertEqual(sheet.format, "PNG")
        summary = self.imports("list", "table.csv", self.out, "--path", "image", "--mask", "mask", "--class-names",
                               "earth,sea,sky", "--ignored", "255")
        self.assertIn("sea", " ".join(summary["warnings"]))
        self.save("other.png", Image.fromarray(255 - mask))
        self.table([("image.png", "mask.png"), ("image.png", "other.png")])
        summary = self.imports("list", "table.csv", self.out, "--path", "image", "--mask", "mask")
        self.assertIn("same file with two targets", " ".join(summary["warnings"]))

    def test_bad_masks_are_told(self):
        mask = blobs(10, 12, 3)
        self.save("image.png", noise(10, 12))
        self.save("good.png", Image.fromarray(mask))
        beyond = mask.copy()
        beyond[4, 9:11] = 7
        self.save("beyond.png", Image.fromarray(beyond))
        self.save("colour.png", noise(10, 12))
        self.save("colour.tif", noise(10, 12))
        self.save("colour.ppm", noise(10, 12))
        self.save("alpha.png", noise(10, 12, mode="LA"))
        self.save("lossy.jpg", Image.fromarray(mask))
        self.save("lossy.tif", Image.fromarray(mask), compression="jpeg")
        self.save("small.png", Image.fromarray(mask[1:]))
        whole = (self.folder / "good.png").read_bytes()
        (self.folder / "cut.png").write_bytes(whole[:-20])
        pixel = "expected one number a pixel, in grey or with a palette, in a PNG, TIFF or PNM; give each colour its number"
        cases = [("beyond.png", "beyond.png has the value 7 at x 9, y 4 (2 such pixels): expected 0 to 2, of the 3 classes; "
                                "name its class with --class-names and --mask-values, or give it as --ignored"),
                 ("colour.png", f"colour.png is a PNG in colour: {pixel}"), ("colour.tif", "colour.tif is a TIFF in colour:"),
                 ("colour.ppm", "colour.ppm is a PNM of 3 channels:"), ("alpha.png", "alpha.png is a PNG with alpha:"),
                 ("lossy.jpg", "lossy.jpg is a JPEG, which keeps no numbers:"),
                 ("lossy.tif", "lossy.tif is a TIFF compressed as JPEG, which keeps no numbers:"),
                 ("small.png", "small.png is 12 x 9 pixels, its picture 12 x 10: expected the same size\n"),
                 ("cut.png", "cut.png is a PNG that is cut short"), ("none.png", "none.png")]
        self.table([("image.png", "good.png"), *(("image.png", name) for name, _ in cases)])
        words = self.refuses_masks("--class-names", "a,b,c") + "\n"
        self.assertIn("10 of 11 rows are bad", words)
        for line, (_, expected) in enumerate(cases, 3):
            self.assertIn(expected, next(text for text in words.splitlines(True) if f"table.csv:{line}: " in text))
        self.imports("list", "table.csv", self.out, "--path", "image", "--mask", "mask", "--class-names", "a,b,c", "--skip-bad")
        with h5py.File(self.out) as file:
            self.assertEqual(file["train/sources/line"][...].tolist(), [2])
        self.assertIn("expected 1, 2, 5, of the 3 classes, or 0, which is ignored",
                      self.refuses_masks("--mask-values", "1,2,5", "--ignored", "0"))
        self.table([("image.png", "good.png"), ("image.png", "")])
        self.assertIn("table.csv:3: the mask is empty: expected the path of a file", self.refuses_masks())
        self.assertIn('has no column "masks"',
                      self.refuses("list", "table.csv", self.out, "--path", "image", "--mask", "masks"))

    def test_wrong_usage(self):
        for arguments, words in ((("--label", "a"), "expected one of --label"), (("--ignored", "-1"), "--ignored -1: expected"),
                                 (("--ignored", "x"), "--ignored x: expected a number from 0 to 65535"),
                                 (("--mask-values", "0,65536"), "--mask-values 65536: expected a number from 0 to 65535"),
                                 (("--mask-values", "0,1,0"), "--mask-values: 0 is there twice"),
                                 (("--mask-values", "0,1", "--class-names", "a"), "each of the 1 classes"),
                                 (("--ignored", "1", "--class-names", "a,b"), "--ignored 1: is the number of a class, too"),
                                 (("--ignored", "5", "--mask-values", "0,5"), "--ignored 5: is the number of a class, too")):
            self.assertIn(words, self.refuses_masks(*arguments, code=2))
        self.assertIn("are of masks: expected --mask beside them",
                      self.refuses("list", "t.csv", self.out, "--path", "a", "--label", "b", "--class-names", "c", code=2))


if __name__ == "__main__":
    unittest.main()
