"""`lockstep data info --pictures`: what is on the sheet is what is in the file, at the place that --json tells."""

import unittest

import numpy

from drawing import DrawingCase, coloured, printed, random_images, rows_told


class PicturesTest(DrawingCase):
    def draw(self, *arguments):
        printing = printed(self.run_data("info", "data.h5", "--pictures", "out.png", "--json", *arguments))
        picture, sheet = self.picture(), printing["pictures"]
        self.assertEqual(picture.size, (sheet["width"], sheet["height"]))
        self.assertEqual(picture.mode, "RGB")
        self.assertEqual(picture.text["Fingerprint"],
                         next(it["fingerprint"] for it in printing["splits"] if it["name"] == sheet["split"]))
        self.assertEqual([[f"{it['split']}/{it['row']}", it["label"], it["source"]] for it in sheet["rows"]],
                         rows_told(picture))
        return picture, sheet

    def test_classes(self):
        for channels in (1, 3):
            with self.subTest(channels=channels):
                (self.folder / "data.h5").unlink(missing_ok=True)
                images, labels = random_images(50, 9, 11, channels), numpy.arange(50) % 3
                self.make(images, labels, ["cat", "dog", "a bird"])
                picture, sheet = self.draw("--each", "4")
                self.assertEqual(len(sheet["rows"]), 12)
                self.assertEqual(sheet["scale"], 8)
                for it in sheet["rows"]:
                    self.assertEqual(it["label"], ["cat", "dog", "a bird"][labels[it["row"]]])
                    self.assertEqual(it["source"], f"train pictures/{it['row']}.png")
                    numpy.testing.assert_array_equal(self.pixels_at(picture, it["image"], sheet), coloured(images[it["row"]]))
                mean = self.pixels_at(picture, sheet["mean"], sheet)
                numpy.testing.assert_allclose(mean, coloured(images.mean(axis=0)), atol=0.51)
                self.assertEqual(picture.text["Command"],
                                 "lockstep data info data.h5 --pictures out.png --json --each 4")
                self.assertEqual(picture.text["File"], "data.h5")
                self.assertTrue(picture.text["Software"].startswith("Lockstep "))

    def test_the_same_command_gives_the_same_bytes(self):
        self.make(random_images(20, 8, 8, 3), numpy.arange(20) % 2)
        self.draw()
        first = (self.folder / "out.png").read_bytes()
        self.draw()
        self.assertEqual((self.folder / "out.png").read_bytes(), first)

    def test_other_kinds_of_pixels(self):
        words = random_images(6, 5, 5, 1).astype(numpy.uint16) * 16  # 12 bits
        words[0, 0, 0], words[1, 0, 0] = 0, 4080
        floats = numpy.linspace(-1, 1, 6 * 5 * 5 * 4, dtype=numpy.float32).reshape(6, 5, 5, 4)
        for images, note in ((words, "0 is black, 4080 white"), (floats, "first of 4 channels as grey; -1 is black, 1 white")):
            with self.subTest(note=note):
                (self.folder / "data.h5").unlink(missing_ok=True)
                self.make(images, numpy.zeros(6, int), ["all"])
                picture, sheet = self.draw()
                self.assertIn(note, sheet["note"])
                low, high = images.min(), images.max()
                for it in sheet["rows"]:
                    expected = (coloured(images[it["row"]]).astype(float) - low) / (float(high) - low) * 255
                    numpy.testing.assert_allclose(self.pixels_at(picture, it["image"], sheet), expected, atol=0.51)

    def test_labels_and_numbers(self):
        images = random_images(40, 4, 4, 1)
        labels = numpy.zeros((40, 2), numpy.uint8)
        labels[::2, 0], labels[::4, 1] = 1, 1
        self.make(images, labels, ["even", "fourth"])
        _, sheet = self.draw()
        self.assertEqual([it["label"] for it in sheet["rows"]], ["even"] * 8 + ["fourth"] * 8 + ["(no label)"] * 8)
        (self.folder / "data.h5").unlink()
        ages = numpy.random.default_rng(2).permutation(40).astype(numpy.float32)[:, None]
        self.make(images, ages, ["age"], units=["years"])
        _, sheet = self.draw("--each", "2")
        self.assertEqual(len(sheet["rows"]), 20)
        self.assertEqual(sheet["rows"][0]["label"], "0 to 3 years")
        told = [ages[it["row"], 0] for it in sheet["rows"]]
        self.assertEqual(told, sorted(told))

    def test_masks(self):
        images = random_images(6, 10, 12, 3)
        masks = numpy.zeros((6, 10, 12), numpy.uint8)
        masks[:, 5:, :] = 1
        self.make(images, masks, ["sky", "ground"])
        picture, sheet = self.draw("--each", "2")
        for it in sheet["rows"]:
            image = images[it["row"]].astype(int)
            numpy.testing.assert_array_equal(self.pixels_at(picture, it["image"], sheet), image)
            mask = self.pixels_at(picture, it["mask"], sheet)
            colours = numpy.where(masks[it["row"]][..., None] == 0, [20, 20, 24], [230, 57, 70])
            numpy.testing.assert_array_equal(mask, (image + colours) // 2)

    def test_large_pictures_are_made_smaller(self):
        self.make(random_images(3, 200, 300, 3), numpy.arange(3))
        _, sheet = self.draw()
        self.assertEqual((sheet["shown_height"], sheet["shown_width"], sheet["scale"]), (64, 96, 1))
        self.assertIn("made smaller, 64 x 96", sheet["note"])

    def test_a_hundred_classes(self):
        names = [f"a class with a rather long name, number {i} \u732b" for i in range(100)]
        self.make(random_images(300, 28, 28, 1), numpy.arange(300) % 100, names)
        picture, sheet = self.draw()
        self.assertEqual(len(sheet["rows"]), 300)
        self.assertEqual(sheet["rows"][0]["label"], names[0])
        self.assertLess(max(picture.size) / min(picture.size), 2)

    def test_what_is_wrong(self):
        self.make(random_images(4, 4, 4, 1), numpy.arange(4) % 2)
        self.make(random_images(4, 4, 4, 1), numpy.arange(4) % 2, split="other")
        words = self.run_data("info", "data.h5", "--pictures", "out.png", "--split", "test", code=2).stderr
        self.assertIn("--split test: expected one of the file (", words)
        self.assertIn("ends in .png", self.run_data("info", "data.h5", "--pictures", "data.h5", code=2).stderr)
        self.run_data("info", "data.h5", "--each", "4", code=2)
        self.run_data("info", "data.h5", "--pictures", "out.png", "--each", "0", code=2)
        self.run_data("info", "none.h5", "--pictures", "out.png", code=3)
        self.assertFalse((self.folder / "out.png").exists())
        self.assertIn("other", self.run_data("info", "data.h5", "--pictures", "new/out.png", "--split", "other").stdout)
        self.assertEqual(rows_told(self.picture("new/out.png"))[0][0], "other/0")


if __name__ == "__main__":
    unittest.main()
