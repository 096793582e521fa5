"""Pictures that are cut short, damaged, mislabelled or bombs; odd places of files: each has its right result."""

import io
import os
import resource
import struct
import unittest
import zlib

import numpy
from PIL import Image

from importing import ImportCase, noise

FORMATS = {"jpg": ("JPEG", {"quality": 90}), "progressive.jpg": ("JPEG", {"progressive": True}), "png": ("PNG", {}),
           "webp": ("WEBP", {"lossless": True}), "lossy.webp": ("WEBP", {}), "tif": ("TIFF", {}),
           "lzw.tif": ("TIFF", {"compression": "tiff_lzw"}), "ppm": ("PPM", {})}
MOST_BYTES = 900 << 20  # two pictures of 8,000 x 8,000 at a time, one of them progressive


def encoded(name, height=40, width=60):
    kind, options = FORMATS[name]
    file = io.BytesIO()
    noise(height, width).save(file, kind, **options)
    return file.getvalue()


def png_chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def bombs(side):
    """Small files that say that they are `side` x `side` pixels."""
    rows = zlib.compress(bytes(1 << 20), 9)
    png = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + \
        png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    found = {"png": png, "ppm": b"P6 %d %d 255\n" % (side, side) + bytes(1000),
             "plain.ppm": b"P3 %d %d 255\n" % (side, side) + b"1 " * 1000}
    for name in ("jpg", "progressive.jpg"):
        whole = encoded(name)
        at = next(i for i in range(len(whole)) if whole[i] == 0xff and whole[i + 1] in (0xc0, 0xc2))
        found[name] = whole[:at + 5] + struct.pack(">HH", side, side) + whole[at + 9:]
    tif = bytearray(encoded("tif"))
    (directory,) = struct.unpack_from("<I", tif, 4)
    for entry in range(struct.unpack_from("<H", tif, directory)[0]):
        at = directory + 2 + 12 * entry
        if struct.unpack_from("<H", tif, at)[0] in (256, 257, 278):  # width, height, rows of a strip
            struct.pack_into("<HIHH", tif, at + 2, 3, 1, side, 0)
    found["tif"] = bytes(tif)
    return found


class HostilePicturesTest(ImportCase):
    def put(self, name, content, folder="set"):
        path = self.folder / folder / "a" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def test_cut_short_anywhere(self):
        """No part of a file is a picture: it is told by name, and the others are read."""
        for name in FORMATS:
            whole = encoded(name)
            for cut in sorted({*range(1, 24), *(len(whole) * k // 40 for k in range(1, 40)), len(whole) - 1}):
                self.put(f"{cut}.{name}", whole[:cut], "cuts")
            self.put(f"whole.{name}", whole, "cuts")
        count = len(list((self.folder / "cuts" / "a").iterdir()))
        words = self.refuses("folder", "cuts", self.out)
        self.assertIn(f"{count - len(FORMATS)} of {count} rows are bad", words)
        summary = self.imports("folder", "cuts", self.out, "--skip-bad")
        self.assertEqual(set(self.rows()), {f"cuts/a/whole.{name}" for name in FORMATS})
        self.assertEqual(len(summary["left_out"]), count - len(FORMATS))
        for it in summary["left_out"]:
            self.assertRegex(it["why"], "^is (a|no|empty)", it)

    def test_flipped_bits_are_no_crash(self):
        """Whatever a damaged file is taken for, the program ends as it should and tells of each that it refuses."""
        random = numpy.random.default_rng(7)
        for name in FORMATS:
            whole = encoded(name)
            for i in range(60):
                damaged = bytearray(whole)
                for _ in range(random.integers(1, 5)):
                    damaged[random.integers(0, min(len(whole), 400 if i % 2 else len(whole)))] ^= 1 << random.integers(0, 8)
                self.put(f"{i}.{name}", bytes(damaged))
            self.put(f"whole.{name}", whole)
        summary = self.imports("folder", "set", self.out, "--skip-bad", "--size", "16")
        left_out = {it["what"] for it in summary["left_out"]}
        self.assertGreater(len(left_out), 40)
        self.assertEqual(len(left_out) + len(self.rows()), 61 * len(FORMATS))
        self.assertFalse({f"set/a/whole.{name}" for name in FORMATS} & left_out)

    def test_bombs(self):
        """Their size is not believed; on any number of cores at once."""
        self.put("good.png", encoded("png"))
        for side in (50_000, 8_000):
            for name, content in bombs(side).items():
                self.put(f"{side}.{name}", content)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        summary = self.imports("folder", "set", self.out, "--skip-bad", "--size", "8")
        after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        why = {it["what"].removeprefix("set/a/"): it["why"] for it in summary["left_out"]}
        self.assertEqual(set(why), {f"{side}.{name}" for side in (50_000, 8_000) for name in bombs(8)})
        for name in ("jpg", "progressive.jpg", "ppm"):
            self.assertIn("of 50000 x 50000 pixels: expected at most 134 million", why[f"50000.{name}"])
        self.assertIn("cannot hold", why["50000.png"])
        self.assertEqual(list(self.rows()), ["set/a/good.png"])
        self.assertLess(max(before, after) * 1024, MOST_BYTES)

    def test_odd_places(self):
        for name in ("one.png", "\xe9t\xe9.png", "two\nlines.png"):
            self.put(name, encoded("png"))
        (self.folder / "set/a/directory.png").mkdir()
        os.mkfifo(self.folder / "set/a/pipe.png")
        self.put("empty.jpg", b"")
        (self.folder / "set/b").mkdir()
        words = self.refuses("folder", "set", self.out, code=3)
        self.assertIn("empty.jpg: is empty", words)
        self.assertIn("pipe.png", words)
        summary = self.imports("folder", "set", self.out, "--skip-bad")
        self.assertEqual(len(self.rows()), 3)
        self.assertEqual({it["what"] for it in summary["left_out"]},
                         {"set/a/directory.png", "set/a/pipe.png", "set/a/empty.jpg", "set/b"})

    def test_one_pixel(self):
        self.save("set/a/1.png", Image.new("RGB", (1, 1), (1, 2, 3)))
        self.imports("folder", "set", self.out)
        self.assertEqual(self.rows()["set/a/1.png"][0].tolist(), [[[1, 2, 3]]])
        self.imports("folder", "set", self.out, "--size", "5x3")
        self.assertEqual(self.rows()["set/a/1.png"][0].tolist(), [[[1, 2, 3]] * 3] * 5)

    def test_all_are_bad(self):
        self.put("text.png", b"text")
        self.assertIn("train has no good row:\nset/a/text.png: is no picture", self.refuses("folder", "set", self.out,
                                                                                          "--skip-bad"))


if __name__ == "__main__":
    unittest.main()
