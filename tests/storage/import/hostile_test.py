"""A table of files that are not what they say, each with its right result; and of places where files are not to be."""

import io
import os
import resource
import socket
import struct
import time

import unittest

import numpy
from PIL import Image

from importing import ImportCase, noise
from made_pictures import COLOUR_ALPHA, GREY, PALETTE, jpeg_of_scans, png, png_chunk, tiff


def encoded(kind, height=40, width=60, **options):
    file = io.BytesIO()
    noise(height, width).save(file, kind, **options)
    return file.getvalue()


def half(whole):
    return whole[:len(whole) // 2]


def stopped(whole):
    """A download that was stopped: the file has its length already, but zeros for the rest."""
    return half(whole).ljust(len(whole), b"\0")


def with_size(whole, at, layout, width, height):
    return whole[:at] + struct.pack(layout, width, height) + whole[at + struct.calcsize(layout):]


def wide_png(side, bits, colour_type, bytes_of_pixels):
    """Says that it is so wide and high, and has so many bytes of pixels that do not make sense."""
    header = struct.pack(">IIBBBBB", side, side, bits, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", bytes(bytes_of_pixels)) + png_chunk(b"IEND", b"")


JPEG, PNG = encoded("JPEG", quality=90), encoded("PNG")
PROGRESSIVE = encoded("JPEG", progressive=True)
WEBP, LOSSY = encoded("WEBP", lossless=True), encoded("WEBP")
INDEX = numpy.arange(40 * 60).reshape(40, 60, 1) % 2
TIFF = tiff(numpy.zeros((40, 60, 3), int), 8, 2)
FRAME = JPEG.index(b"\xff\xc0") + 5  # height and width

# What each file is: None where it is read, else words of what is told of it.
TABLE = {
    "good.jpg": (JPEG, None), "progressive.jpg": (PROGRESSIVE, None), "64 scans.jpg": (jpeg_of_scans(1), None),
    "inks.jpg": (encoded("JPEG"), None),
    "a png.jpg": (PNG, None), "a jpeg.png": (JPEG, None), "a webp.tiff": (WEBP, None), "a tiff.webp": (TIFF, None),
    "bits.png": (png(INDEX, 1, GREY), None), "interlaced.png": (png(INDEX, 1, GREY, True), None),
    "palette.png": (png(INDEX, 1, PALETTE, chunks=((b"PLTE", bytes(6)), (b"tRNS", b"\0"))), None),
    "cut.jpg": (half(JPEG), "is a JPEG that is cut short"), "cut.progressive.jpg": (half(PROGRESSIVE), "is a JPEG that is cut short"),
    "cut.png": (half(PNG), "is a PNG that is cut short"), "cut.webp": (half(WEBP), "is a WebP that is cut short"),
    "cut lossy.webp": (half(LOSSY), "is a WebP that is cut short"), "cut.tif": (half(TIFF), "is a TIFF that is damaged or cut short"),
    "cut.ppm": (half(encoded("PPM")), "is a PNM that is cut short"),
    "stopped.jpg": (stopped(JPEG), "JPEG"), "stopped progressive.jpg": (stopped(PROGRESSIVE), "JPEG"),
    "stopped.png": (stopped(PNG), "is a damaged PNG"),
    "no end.jpg": (JPEG[:-2], "is a JPEG that is cut short"), "no end.png": (PNG[:-12], "is a PNG that is cut short"),
    "empty.jpg": (b"", "is empty"), "page.jpg": (b"<!DOCTYPE html><html>404</html>", "first bytes are 3c 21 44 4f"),
    "gif.png": (encoded("GIF"), "is no picture that is read here: expected JPEG, PNG, WebP, PNM, TIFF"),
    "190 scans.jpg": (jpeg_of_scans(3), "is a JPEG of more than 100 scans"),
    "flat.jpg": (with_size(JPEG, FRAME, ">HH", 0, 60), "is a damaged JPEG"),
    "flat.png": (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 9, 8, 0, 0, 0, 0)), "is a damaged PNG"),
    "flat.pgm": (b"P5 0 9 255\n", "is a PNM of 0 x 9 pixels"),
    "huge.jpg": (with_size(JPEG, FRAME, ">HH", 50_000, 50_000), "is a JPEG of 50000 x 50000 pixels: expected at most 134 million"),
    "large.jpg": (with_size(JPEG, FRAME, ">HH", 10_000, 10_000), "bytes cannot hold 10000 x 10000 pixels"),
    "huge.png": (wide_png(50_000, 1, GREY, 310_000), "is a PNG of 50000 x 50000 pixels: expected at most 134 million"),
    "deep.png": (wide_png(10_000, 16, COLOUR_ALPHA, 800_000), "is a PNG of 10000 x 10000 pixels, 800 million bytes: expected at most 536"),
    "large.png": (wide_png(10_000, 8, GREY, 90_000), "bytes cannot hold the 100000000 of its pixels"),
    "endless.png": (PNG[:33] + struct.pack(">I", 1 << 30) + b"tEXt" + PNG[33:], "is a PNG that is cut short"),
    "huge.webp": (b"RIFF\x20\0\0\0WEBPVP8L\x14\0\0\0\x2f" + (0xfffffff).to_bytes(4, "little") + bytes(15),
                  "is a WebP of 16384 x 16384 pixels: expected at most 134 million"),
    "huge.ppm": (b"P6 50000 50000 255\n", "is a PNM of 50000 x 50000 pixels: expected at most 134 million"),
    "absurd.pgm": (b"P5 99999999999999999999 1 255\n", "is a PNM with a header that makes no sense"),
    "moving.webp": (encoded("WEBP", save_all=True, append_images=[noise(40, 60, seed=2)]), "is an animated WebP"),
}


class HostileTest(ImportCase):
    def put(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def left_out(self, verb, *arguments):
        return {it["what"]: it["why"] for it in self.imports(verb, *arguments, "--skip-bad")["left_out"]}

    def test_each_has_its_result(self):
        for name, (content, _) in TABLE.items():
            self.put(f"set/a/{name}", content)
        begin = time.monotonic()
        left_out = self.left_out("folder", "set", self.out, "--size", "8")
        self.assertLess(time.monotonic() - begin, 60)
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10, 300 << 20)
        for name, (_, words) in TABLE.items():
            with self.subTest(name):
                if words:
                    self.assertIn(words, left_out.get(f"set/a/{name}", "it was read"))
                else:
                    self.assertIn(f"set/a/{name}", self.rows(), left_out.get(f"set/a/{name}"))
        words = self.refuses("folder", "set", self.out, "--size", "8")
        count = sum(words is not None for _, words in TABLE.values())
        self.assertIn(f"{count} of {len(TABLE)} rows are bad, and nothing was written; mend them, or leave them out with "
                      "--skip-bad", words)

    def test_thin_pictures(self):
        """Only what is kept of them is made larger: whole, they would take up to 9 GB."""
        for width, height in ((1, 60_000), (60_000, 2), (1 << 20, 1), (1, 1 << 20)):
            self.save(f"set/a/{width} x {height}.png", Image.new("RGB", (width, height), (1, 2, 3)))
        for fit in ("crop", "pad", "exact"):
            self.imports("folder", "set", self.out, "--size", "224", "--fit", fit)
            for source, (image, _) in self.rows().items():
                self.assertEqual(image[112, 112].tolist(), [1, 2, 3] if fit != "pad" else image[112, 112].tolist(), source)
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10, 400 << 20)

    def test_places_where_no_picture_is(self):
        """None of them is waited for."""
        self.put("set/a/good.png", PNG)
        self.put("set/a/caf\u00e9 \u732b.png", PNG)
        self.put("set/a/two\nlines.png", PNG)
        self.put("set/a/ blank .png", PNG)
        os.mkdir(self.folder / "set/empty")
        os.mkdir(self.folder / "set/a/directory.jpg")
        os.mkfifo(self.folder / "set/a/pipe.jpg")
        os.symlink("nowhere", self.folder / "set/a/dangling.jpg")
        os.symlink("itself.jpg", self.folder / "set/a/itself.jpg")
        os.symlink("/dev/zero", self.folder / "set/a/zero.jpg")
        os.symlink("..", self.folder / "set/a/up")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.folder / "set/a/socket.jpg"))
            left_out = self.left_out("folder", "set", self.out)
        self.assertEqual(set(self.rows()), {f"set/a/{name}.png" for name in ("good", "caf\u00e9 \u732b", "two\nlines", " blank ")})
        self.assertEqual(set(left_out), {"set/empty", "set/a/up"} | {
            f"set/a/{name}.jpg" for name in ("directory", "pipe", "dangling", "itself", "zero", "socket")})
        self.assertEqual(left_out["set/empty"], "has no picture")
        self.assertEqual(left_out["set/a/up"], "is a link that leads in a circle")
        words = self.refuses("folder", "set", self.out)
        for name in ("pipe", "dangling", "itself", "zero", "socket"):
            self.assertIn(f"{name}.jpg: ", words)

    def test_one_row(self):
        self.put("set/a/good.png", PNG)
        self.imports("folder", "set", self.out)
        self.assertEqual(list(self.rows()), ["set/a/good.png"])
        self.put("table.csv", b"file,kind\nset/a/good.png,a\n")
        self.imports("list", "table.csv", self.out, "--path", "file", "--label", "kind")
        self.assertEqual(len(self.rows()), 1)

    def test_a_list_of_what_is_not_there(self):
        self.put("good.png", PNG)
        os.mkfifo(self.folder / "pipe.png")
        places = ("good.png", "none.png", ".", "pipe.png", "good.png/inside.png", "x" * 5000, "/dev/zero", "")
        self.put("table.csv", "\n".join(["file,kind", *(f"{place},a" for place in places)]).encode())
        words = self.refuses("list", "table.csv", self.out, "--path", "file", "--label", "kind")
        self.assertIn("7 of 8 rows are bad", words)
        for line in range(3, 10):
            self.assertIn(f"\ntable.csv:{line}: ", words)
        left_out = self.left_out("list", "table.csv", self.out, "--path", "file", "--label", "kind")
        self.assertEqual(set(left_out), {f"table.csv:{line}" for line in range(3, 10)})
        self.put("none.csv", b"file,kind\nnone.png,a\nnor.png,b\n")
        words = self.refuses("list", "none.csv", self.out, "--path", "file", "--label", "kind", "--skip-bad")
        self.assertIn("none.csv:2: ", words)
        self.assertIn("none.csv:3: ", words)


if __name__ == "__main__":
    unittest.main()
