"""PNG and TIFF of the kinds that Pillow does not write, and JPEG in CMYK: the pixels are those they were made of."""

import io
import unittest

import numpy
from PIL import Image

from importing import ImportCase, noise
from made_pictures import COLOUR, COLOUR_ALPHA, GREY, GREY_ALPHA, PALETTE, png, tiff

BLACK_IS_ZERO, WHITE_IS_ZERO, RGB, TIFF_PALETTE, CMYK = 1, 0, 2, 3, 5


def samples(bits, channels, height=23, width=37):
    return numpy.random.default_rng(bits * channels).integers(0, 1 << bits, (height, width, channels))


def on_white(values, bits=8):
    """The last channel is alpha; each value is the nearest one."""
    full = (1 << bits) - 1
    colours, alpha = values[..., :-1], values[..., -1:]
    return (colours * alpha + full * (full - alpha) + full // 2) // full


class KindsTest(ImportCase):
    def check(self, name, content, expected):
        path = self.folder / "set" / "a" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.imports("folder", "set", self.out)
        image, _ = self.rows()[f"set/a/{name}"]
        path.unlink()
        numpy.testing.assert_array_equal(image, expected, name)
        self.assertEqual(image.dtype.itemsize, 2 if expected.max() > 255 else 1)

    def refused(self, name, content, words):
        path = self.folder / "set" / "a" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.assertIn(words, self.refuses("folder", "set", self.out))
        path.unlink()

    def test_png_of_every_depth(self):
        for interlaced in (False, True):
            for bits in (1, 2, 4, 8, 16):
                grey = samples(bits, 1)
                full = 255 // ((1 << bits) - 1) if bits < 8 else 1
                with self.subTest(bits=bits, interlaced=interlaced):
                    self.check("grey.png", png(grey, bits, GREY, interlaced), grey * full)
            for bits in (8, 16):
                for kind, channels in ((COLOUR, 3), (GREY_ALPHA, 2), (COLOUR_ALPHA, 4)):
                    values = samples(bits, channels)
                    with self.subTest(bits=bits, kind=kind, interlaced=interlaced):
                        expected = values if kind == COLOUR else on_white(values, bits)
                        self.check("kind.png", png(values, bits, kind, interlaced), expected)

    def test_png_of_palettes(self):
        for bits in (1, 2, 4, 8):
            for interlaced in (False, True):
                palette = samples(8, 3, 1, 1 << bits)[0]
                alpha = samples(8, 1, 1, max(1, (1 << bits) - 1))[0, :, 0]  # the last colour has none: opaque
                index = samples(bits, 1)
                plte = (b"PLTE", palette.astype(numpy.uint8).tobytes())
                with self.subTest(bits=bits, interlaced=interlaced):
                    self.check("palette.png", png(index, bits, PALETTE, interlaced, (plte,)), palette[index[..., 0]])
                    trns = (b"tRNS", alpha.astype(numpy.uint8).tobytes())
                    whole = numpy.append(alpha, [255] * ((1 << bits) - len(alpha)))
                    self.check("clear.png", png(index, bits, PALETTE, interlaced, (plte, trns)),
                               on_white(numpy.concatenate([palette, whole[:, None]], 1)[index[..., 0]]))

    def test_png_with_a_transparent_colour(self):
        for bits in (1, 4, 8, 16):
            grey = samples(bits, 1)
            full = 255 // ((1 << bits) - 1) if bits < 8 else 1
            clear = int(grey[0, 0, 0])
            expected = numpy.where(grey == clear, 65535 if bits == 16 else 255, grey * full)
            self.check("grey.png", png(grey, bits, GREY, False, ((b"tRNS", clear.to_bytes(2, "big")),)), expected)

    def test_tiff_in_strips_tiles_and_planes(self):
        for bits in (8, 16):
            for photometric, channels in ((BLACK_IS_ZERO, 1), (WHITE_IS_ZERO, 1), (RGB, 3)):
                values = samples(bits, channels)
                expected = (1 << bits) - 1 - values if photometric == WHITE_IS_ZERO else values
                for separate in (False, True):
                    for tile in (None, (16, 16), (48, 32)):
                        for order in "<>":
                            with self.subTest(bits=bits, photometric=photometric, separate=separate, tile=tile, order=order):
                                self.check("kind.tif", tiff(values, bits, photometric, separate=separate, tile=tile,
                                                            order=order, deflate=order == ">"), expected)

    def test_tiff_with_alpha(self):
        for bits in (8, 16):
            full = (1 << bits) - 1
            for photometric, channels in ((BLACK_IS_ZERO, 2), (RGB, 4)):
                for separate in (False, True):
                    values = samples(bits, channels)
                    with self.subTest(bits=bits, photometric=photometric, separate=separate):
                        self.check("alpha.tif", tiff(values, bits, photometric, separate=separate, extra=2),
                                   on_white(values, bits))
                        self.check("other.tif", tiff(values, bits, photometric, separate=separate, extra=0), values[..., :-1])
                        colours, alpha = values[..., :-1] * values[..., -1:] // full, values[..., -1:]
                        free = numpy.minimum(full, (colours * full + alpha // 2) // numpy.maximum(alpha, 1))
                        self.check("ready.tif", tiff(numpy.concatenate([colours, alpha], 2), bits, photometric,
                                                     separate=separate, extra=1),
                                   on_white(numpy.concatenate([numpy.where(alpha == 0, colours, free), alpha], 2), bits))

    def test_tiff_that_libtiff_converts(self):
        for bits in (1, 2, 4):
            grey = samples(bits, 1)
            self.check("bits.tif", tiff(grey, bits, BLACK_IS_ZERO), grey * (255 // ((1 << bits) - 1)))
        palette = samples(8, 3, 1, 256)[0]
        index = samples(8, 1)
        self.check("palette.tif", tiff(index, 8, TIFF_PALETTE, more=[(320, 3, list(palette.T.reshape(-1) * 257))]),
                   palette[index[..., 0]])

    def test_tiff_that_is_refused(self):
        for name, content, words in (
                ("deep.tif", tiff(samples(4, 1) * 16, 12, BLACK_IS_ZERO), "12 bits, 1 samples"),
                ("many.tif", tiff(samples(8, 5), 8, RGB, extra=0), "8 bits, 5 samples a pixel, photometric interpretation 2"),
                ("inks.tif", tiff(samples(16, 4), 16, CMYK), "16 bits, 4 samples a pixel, photometric interpretation 5"),
                ("wide.tif", tiff(samples(16, 1), 32, BLACK_IS_ZERO), "32 bits, 1 samples"),
                ("mosaic.tif", tiff(samples(8, 1), 8, 32803), "photometric interpretation 32803"),
                ("signed.tif", tiff(samples(8, 1), 8, BLACK_IS_ZERO, more=[(339, 3, [2])]), "signed, complex or floating"),
                ("method.tif", tiff(samples(8, 1), 8, BLACK_IS_ZERO).replace(b"\x03\x01\x03\0\1\0\0\0\1", b"\x03\x01\x03\0\1\0\0\0\x63"),
                 "damaged or cut short")):
            with self.subTest(name):
                self.refused(name, content, words)

    def test_jpeg_in_cmyk(self):
        """Adobe's marker says that the values are 1 - ink; without it they are ink. YCCK is such a file, turned."""
        file = io.BytesIO()
        noise(40, 24, seed=3).convert("CMYK").save(file, "JPEG", quality=95)
        adobe = file.getvalue()
        begin = adobe.index(b"\xff\xee")
        plain = adobe[:begin] + adobe[begin + 16:]
        self.assertEqual(adobe[begin + 4:begin + 9], b"Adobe")
        ycck = bytearray(adobe)
        ycck[begin + 15] = 2
        inks = 255 - numpy.asarray(Image.open(io.BytesIO(adobe))).astype(int)  # as they are stored
        for name, content, stored in (("adobe.jpg", adobe, inks), ("plain.jpg", plain, 255 - inks),
                                      ("ycck.jpg", bytes(ycck), 255 - numpy.asarray(Image.open(io.BytesIO(ycck))).astype(int))):
            with self.subTest(name):
                self.check(name, content, (stored[..., :3] * stored[..., 3:] + 127) // 255)


if __name__ == "__main__":
    unittest.main()
