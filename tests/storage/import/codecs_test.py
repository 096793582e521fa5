"""Pictures of every format and kind, as Pillow wrote them, beside what Pillow reads."""

import io
import unittest

import numpy
from PIL import Image, ImageOps

from importing import ImportCase, noise


def values(image):
    """(height, width, channels), on white."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = numpy.asarray(image.convert("RGBA")).astype(float)
        alpha = rgba[..., 3:] / 255
        return numpy.floor(rgba[..., :3] * alpha + 255 * (1 - alpha) + 0.5).astype(int)
    array = numpy.asarray(image.convert("RGB") if image.mode in ("P", "CMYK") else image.convert("L") if image.mode == "1"
                          else image).astype(int)
    return array if array.ndim == 3 else array[..., None]


class CodecsTest(ImportCase):
    def check(self, name, most=0):
        """The picture `name` in the folder is read as Pillow reads it, to `most`."""
        (self.folder / "set" / "a").mkdir(parents=True, exist_ok=True)
        for old in (self.folder / "set" / "a").iterdir():
            old.unlink()
        (self.folder / name).rename(self.folder / "set" / "a" / name)
        self.imports("folder", "set", self.out)
        image, _ = self.rows()[f"set/a/{name}"]
        picture = Image.open(self.folder / "set" / "a" / name)
        picture.load()  # which turns a TIFF, and no other
        expected = values(picture if picture.format == "TIFF" else ImageOps.exif_transpose(picture))
        if expected.shape[2] == 3 and image.shape[2] == 1:  # grey with alpha
            expected = expected[..., :1]
        self.assertEqual(image.shape, expected.shape)
        self.assertLessEqual(abs(image.astype(int) - expected).max(), most, name)

    def test_jpeg(self):
        for i, (mode, options) in enumerate((("RGB", {}), ("L", {}), ("RGB", {"progressive": True}), ("RGB", {"quality": 30}),
                                             ("RGB", {"subsampling": 0}), ("RGB", {"subsampling": 2, "progressive": True}))):
            with self.subTest(mode, **options):
                self.save(f"{i}.jpg", noise(37, 53, mode=mode), **options)
                self.check(f"{i}.jpg")
        self.save("inks.jpg", noise(37, 53).convert("CMYK"), quality=95)
        self.check("inks.jpg", most=1)

    def test_all_eight_orientations(self):
        for name, options in (("jpg", {"quality": 95}), ("png", {}), ("webp", {"lossless": True}), ("tif", {})):
            for orientation in range(1, 9):
                with self.subTest(name, orientation=orientation):
                    exif = Image.Exif()
                    exif[274] = orientation
                    self.save(f"turned.{name}", noise(20, 31), exif=exif.tobytes() if name != "tif" else exif, **options)
                    self.check(f"turned.{name}")

    def test_webp(self):
        for i, (mode, options) in enumerate((("RGB", {"lossless": True}), ("RGBA", {"lossless": True, "exact": True}),
                                             ("RGB", {"quality": 60}), ("RGBA", {"quality": 60}))):
            with self.subTest(mode, **options):
                self.save(f"{i}.webp", noise(37, 53, mode=mode), **options)
                self.check(f"{i}.webp")
        frames = [noise(9, 9, seed=i) for i in range(3)]
        self.save("set/a/moving.webp", frames[0], save_all=True, append_images=frames[1:])
        self.assertIn("is an animated WebP: expected one picture", self.refuses("folder", "set", self.out))

    def test_tiff(self):
        palette = noise(37, 53).quantize(20)
        for i, (image, options) in enumerate((
                (noise(37, 53), {}), (noise(37, 53), {"compression": "tiff_lzw"}), (noise(37, 53, mode="L"), {}),
                (noise(37, 53, mode="L").convert("1"), {}), (palette, {}), (noise(37, 53, mode="RGBA"), {}),
                (noise(37, 53), {"compression": "tiff_adobe_deflate"}), (noise(37, 53).convert("CMYK"), {}))):
            with self.subTest(image.mode, **options):
                self.save(f"{i}.tif", image, **options)
                self.check(f"{i}.tif", most=1 if image.mode == "CMYK" else 0)
        deep = numpy.random.default_rng(1).integers(0, 65536, (37, 53), numpy.uint16)
        self.save("deep.tiff", Image.fromarray(deep))
        self.check("deep.tiff")
        self.save("set/a/real.tif", noise(9, 9, mode="L").convert("F"))
        self.assertIn("floating-point values: expected unsigned", self.refuses("folder", "set", self.out))

    def test_pnm(self):
        for name, image in (("p.ppm", noise(37, 53)), ("p.pgm", noise(37, 53, mode="L")),
                            ("p.pbm", noise(37, 53, mode="L").convert("1"))):
            self.save(name, image)
            self.check(name)
        texts = {"plain.pbm": b"P1\n# two lines\n4 2\n0 1 0 1\n1010\n", "plain.pgm": b"P2 3 2 7\n0 1 2\n3 5 7\n",
                 "plain.ppm": b"P3\n2 1\n255\n255 0 0  0 128 255\n", "odd.pgm": b"P5 3 1 100\n" + bytes((0, 50, 100)),
                 "deep.pgm": b"P5 2 1 65535\n\x01\x02\xff\xfe", "four.pam": b"P7\nWIDTH 1\nHEIGHT 2\nDEPTH 4\nMAXVAL 255\n"
                 b"TUPLTYPE RGB_ALPHA\nENDHDR\n" + bytes((10, 20, 30, 255, 1, 2, 3, 0))}
        expected = {"plain.pbm": [[255, 0, 255, 0], [0, 255, 0, 255]], "plain.pgm": [[0, 36, 73], [109, 182, 255]],
                    "plain.ppm": [[[255, 0, 0], [0, 128, 255]]], "odd.pgm": [[0, 128, 255]], "deep.pgm": [[0x102, 0xfffe]],
                    "four.pam": [[[10, 20, 30]], [[255, 255, 255]]]}
        for name, content in texts.items():
            with self.subTest(name):
                path = self.folder / name / "a" / name
                path.parent.mkdir(parents=True)
                path.write_bytes(content)
                self.imports("folder", name, self.out)
                image, _ = self.rows()[f"{name}/a/{name}"]
                self.assertEqual(image.squeeze(-1).tolist() if image.shape[2] == 1 else image.tolist(), expected[name])

    def test_the_content_says_what_it_is(self):
        kinds = {"PNG": {}, "JPEG": {"quality": 95}, "WEBP": {"lossless": True}, "TIFF": {}, "PPM": {}}
        for kind, options in kinds.items():
            with self.subTest(kind):
                file = io.BytesIO()
                noise(20, 30).save(file, kind, **options)
                (self.folder / "named.jpg").write_bytes(file.getvalue())
                self.check("named.jpg")


if __name__ == "__main__":
    unittest.main()
