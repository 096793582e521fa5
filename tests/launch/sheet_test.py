"""`lockstep data sheet`: rows as they are stored and as the network gets them, at the places that --json tells."""

import unittest

import numpy

from drawing import DrawingCase, coloured, printed, random_images, rows_told

MODEL = """
model { layer { flatten {} } layer { dense { units: 3 } } }
batch: 8 slices: 2
"""
MASKS = """
model { layer { convolution { filters: 2 kernel: 1 } } }
loss { pixel_cross_entropy {} }
batch: 8 slices: 2
"""


def shifts(image, padding):
    """Every window of the padded image, and mirrored; padded with the mean colour of all, which is given as a border."""
    height, width = image.shape[0] - 2 * padding, image.shape[1] - 2 * padding
    for top in range(2 * padding + 1):
        for left in range(2 * padding + 1):
            window = image[top:top + height, left:left + width]
            yield window
            yield window[:, ::-1]


class SheetTest(DrawingCase):
    def job(self, augmentation, rest=MODEL):
        return self.write_job(f'data {{ path: "data.h5" {augmentation} }}\n{rest}')

    def draw(self, job, *arguments):
        sheet = printed(self.run_data("sheet", job, "out.png", "--json", *arguments))
        picture = self.picture()
        self.assertEqual(picture.size, (sheet["width"], sheet["height"]))
        self.assertEqual(picture.text["Fingerprint"], sheet["fingerprint"])
        self.assertEqual(picture.text["File"], "data.h5")
        self.assertTrue(picture.text["Command"].startswith(f"lockstep data sheet {job} out.png --json"))
        self.assertEqual([[f"{it['split']}/{it['row']}", it["label"], it["source"]] for it in sheet["rows"]],
                         rows_told(picture))
        return picture, sheet

    def test_a_mirrored_row_is_mirrored(self):
        images, labels = random_images(40, 9, 12, 3), numpy.arange(40) % 3
        self.make(images, labels, ["cat", "dog", "bird"])
        self.make(images[::-1], labels[::-1], split="test")
        job = self.job("augmentation { horizontal_flip { probability: 1 } }")
        picture, sheet = self.draw(job, "--rows", "train/12,test/3,train/39")
        self.assertEqual([(it["split"], it["row"]) for it in sheet["rows"]], [("train", 12), ("test", 3), ("train", 39)])
        for it in sheet["rows"]:
            is_train = it["split"] == "train"
            image = images[it["row"] if is_train else 39 - it["row"]]
            numpy.testing.assert_array_equal(self.pixels_at(picture, it["stored"], sheet), image)
            self.assertEqual([draw["epoch"] for draw in it["draws"]], [0, 1] if is_train else [None])
            for draw in it["draws"]:
                numpy.testing.assert_array_equal(self.pixels_at(picture, draw, sheet), image[:, ::-1] if is_train else image)
            self.assertEqual(it["source"], f"{it['split']} pictures/{it['row']}.png")
        self.assertEqual([it["label"] for it in sheet["rows"]], ["cat", "cat", "cat"])

    def test_a_list_of_changes(self):
        images = random_images(20, 7, 7, 1)
        self.make(images, numpy.arange(20) % 3)
        flips = "horizontal_flip { probability: 1 } transform { vertical_flip { probability: 1 } }"
        picture, sheet = self.draw(self.job(f"augmentation {{ {flips} }}"), "--rows", "train/4")
        [row] = sheet["rows"]
        self.assertEqual(sheet["augmentation"],
                         ["horizontal_flip { probability: 1 }", "vertical_flip { probability: 1 }"])
        numpy.testing.assert_array_equal(self.pixels_at(picture, row["draws"][1], sheet), coloured(images[4, ::-1, ::-1]))
        job = self.job("augmentation { transform { hue {} } }")
        self.assertIn("of 3 channels", self.run_data("sheet", job, "out.png", code=2).stderr)

    def test_the_first_rows_are_cropped_at_random(self):
        images = random_images(40, 8, 8, 1)
        self.make(images, numpy.arange(40) % 3)
        job = self.job("augmentation { random_crop { padding: 2 } horizontal_flip {} }")
        picture, sheet = self.draw(job, "--count", "10")
        self.assertEqual(len({it["row"] for it in sheet["rows"]}), 10)
        self.assertEqual(sheet["augmentation"], ["random_crop { padding: 2 } horizontal_flip { probability: 0.5 }"])
        changed = 0
        for it in sheet["rows"]:
            border = round(images.mean())
            padded = numpy.pad(images[it["row"]], ((2, 2), (2, 2), (0, 0)), constant_values=border)
            for draw in it["draws"]:
                seen = self.pixels_at(picture, draw, sheet)[..., :1].astype(int)
                self.assertTrue(any(numpy.abs(seen - window).max() <= 1 for window in shifts(padded, 2)))
            changed += it["draws"][0] != it["draws"][1]
        self.assertGreater(changed, 5)
        first = (self.folder / "out.png").read_bytes()
        self.draw(job, "--count", "10")
        self.assertEqual((self.folder / "out.png").read_bytes(), first)
        _, other = self.draw(job, "--count", "10", "--set", "seed=2")
        self.assertNotEqual([it["row"] for it in other["rows"]], [it["row"] for it in sheet["rows"]])
        _, all_rows = self.draw(job, "--count", "100")
        self.assertEqual(sorted(it["row"] for it in all_rows["rows"]), list(range(40)))

    def test_other_pixels_are_seen_as_they_are_stored(self):
        words = random_images(12, 6, 6, 1).astype(numpy.uint16) * 9
        floats = numpy.random.default_rng(3).normal(size=(12, 6, 6, 2)).astype(numpy.float32)
        for images in (words, floats):
            (self.folder / "data.h5").unlink(missing_ok=True)
            self.make(images, numpy.arange(12) % 3, sources=False)
            picture, sheet = self.draw(self.job(""), "--rows", "train/5")
            [row] = sheet["rows"]
            self.assertEqual(row["source"], "")
            stored = self.pixels_at(picture, row["stored"], sheet).astype(int)
            low, high = float(images.min()), float(images.max())
            expected = (coloured(images[5])[..., :1].repeat(3, axis=-1).astype(float) - low) / (high - low) * 255
            numpy.testing.assert_allclose(stored, expected, atol=0.51)
            for draw in row["draws"]:
                self.assertLessEqual(numpy.abs(self.pixels_at(picture, draw, sheet) - stored).max(), 1)

    def test_masks_move_with_their_images(self):
        images = random_images(16, 8, 10, 3)
        masks = (numpy.arange(10)[None, None, :] > numpy.arange(16)[:, None, None] % 9).repeat(8, axis=1).astype(numpy.uint8)
        self.make(images, masks, ["sky", "ground"])
        job = self.job("augmentation { horizontal_flip { probability: 1 } }", MASKS)
        picture, sheet = self.draw(job, "--rows", "train/3")
        [row] = sheet["rows"]
        self.assertEqual(row["label"], "sky, ground")
        colours = numpy.where(masks[3][..., None] == 0, [20, 20, 24], [230, 57, 70])
        expected = (images[3].astype(int) + colours) // 2
        numpy.testing.assert_array_equal(self.pixels_at(picture, row["stored"], sheet), images[3])
        numpy.testing.assert_array_equal(self.pixels_at(picture, row["mask"], sheet), expected)
        numpy.testing.assert_array_equal(self.pixels_at(picture, row["draws"][1], sheet), expected[:, ::-1])

    def test_what_is_wrong(self):
        self.make(random_images(16, 4, 4, 1), numpy.arange(16) % 3)
        self.make(random_images(4, 5, 4, 1), numpy.arange(4) % 3, split="test")
        job = self.job("")

        def words(*arguments, code=2):
            return self.run_data("sheet", *arguments, code=code).stderr

        told = words(job, "--rows", "train/16,train/3,train/99", "out.png")
        self.assertIn("--rows train/16: expected a row of 0 to 15", told)
        self.assertIn("--rows train/99", told)
        self.assertIn('no split "valid": expected one of test, train', words(job, "--rows", "valid/1", "out.png"))
        for name in ("train", "train/", "/3", "train/-1", "train/1x", "train/1,"):
            self.assertIn("as train/12", words(job, "--rows", name, "out.png"))
        self.assertIn("another shape", words(job, "--rows", "test/1", "out.png", code=3))
        self.assertIn("ends in .png", words(job, "data.h5"))
        self.assertIn("no such file", words("none.job.pbtxt", "out.png"))
        (self.folder / "list.csv").write_text("not,a,job\n")
        self.assertIn("list.csv:1", words("list.csv", "out.png"))
        self.assertIn("flip", words(job, "out.png", "--set", "data.augmentation.flip={}"))
        self.assertIn("batch", words(job, "out.png", "--set", "batch=64"))
        words(job, "out.png", "--rows", "train/1", "--count", "3")
        words(job, "out.png", "--count", "0")
        self.assertIn("gone.h5", words(job, "out.png", "--set", 'data.path="gone.h5"', code=3))
        self.assertFalse((self.folder / "out.png").exists())
        error = self.run_data("sheet", job, "--rows", "train/16", "out.png", "--json", code=2)
        self.assertIn('"exit_code":2', error.stderr.splitlines()[-1])
        self.assertEqual(error.stdout, "")
        self.assertIn("--rows", self.run_data("sheet", "--help").stdout)
        self.assertIn("sheet", self.run_data("--help").stdout)


if __name__ == "__main__":
    unittest.main()
