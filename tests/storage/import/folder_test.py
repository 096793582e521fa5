"""Folders of pictures: classes, splits, order, what is left out; and the pixels beside Pillow's."""

import os
import unittest

import numpy
from PIL import Image

from importing import ImportCase, noise


def on_white(image):
    """Composited on white, each value the nearest one."""
    values = numpy.asarray(image.convert("RGBA")).astype(float)
    alpha = values[..., 3:] / 255
    return Image.fromarray(numpy.floor(values[..., :3] * alpha + 255 * (1 - alpha) + 0.5).astype(numpy.uint8))


def fitted(image, height, width, fit):
    if fit == "exact":
        return image.resize((width, height), Image.BILINEAR)
    scale = (max if fit == "crop" else min)(width / image.width, height / image.height)
    size = max(1, int(image.width * scale + 0.5)), max(1, int(image.height * scale + 0.5))
    whole = image.resize(size, Image.BILINEAR)
    at = (size[0] - width) // 2, (size[1] - height) // 2
    if fit == "crop":
        return whole.crop((*at, at[0] + width, at[1] + height))
    made = Image.new("RGB", (width, height), "white")
    made.paste(whole, ((width - size[0]) // 2, (height - size[1]) // 2))
    return made


class FolderTest(ImportCase):
    def some_pictures(self, folder="photos", classes=("cat", "dog"), count=20):
        for c, name in enumerate(classes):
            for i in range(count):
                self.save(f"{folder}/{name}/{i}.png", noise(9, 7, seed=100 * c + i))
        return folder

    def test_rows_are_as_stored(self):
        self.some_pictures()
        summary = self.imports("folder", "photos", self.out)
        rows = self.rows()
        self.assertEqual(len(rows), 40)
        self.assertEqual((self.class_names(), summary["left_out"], summary["warnings"]), (["cat", "dog"], [], []))
        for source, (image, label) in rows.items():
            numpy.testing.assert_array_equal(image, numpy.asarray(Image.open(self.folder / source)))
            self.assertEqual(self.class_names()[label], source.split("/")[1])
        self.assertNotEqual(list(rows), sorted(rows), "the order is drawn")

    def test_the_same_pictures_give_the_same_bytes(self):
        self.some_pictures()
        shares = ("--validation", "0.1", "--test", "0.2")
        self.imports("folder", "photos", self.out, *shares)
        first, splits = self.out.read_bytes(), {name: set(self.rows(name)) for name in ("train", "validation", "test")}
        files = sorted((self.folder / "photos").rglob("*.png"))
        for file in reversed(files):  # other times, another order in the directory
            content = file.read_bytes()
            file.unlink()
            file.write_bytes(content)
        self.imports("folder", "photos", self.out, *shares)
        self.assertEqual(self.out.read_bytes(), first)
        self.imports("folder", "photos", self.out, *shares, "--key", "1")
        self.assertNotEqual(set(self.rows("test")), splits["test"])
        # A picture more leaves the others where they were, but for the one that makes room in its class.
        self.save("photos/cat/new.png", noise(9, 7, seed=999))
        self.imports("folder", "photos", self.out, *shares)
        moved = {name: set(self.rows(name)) ^ splits[name] for name in splits}
        self.assertLessEqual(max(map(len, moved.values())), 2, moved)

    def test_shares_hold_in_each_class(self):
        self.some_pictures(classes=("cat",), count=30)
        self.some_pictures(classes=("dog",), count=10)
        self.imports("folder", "photos", self.out, "--validation", "0.1", "--test", "0.2")
        counts = {name: [list(label for _, label in self.rows(name).values()).count(c) for c in (0, 1)]
                  for name in ("train", "validation", "test")}
        self.assertEqual(counts, {"train": [21, 7], "validation": [3, 1], "test": [6, 2]})

    def test_folders_of_splits_and_nested_classes(self):
        self.some_pictures("set/learn", ("birds/owl", "birds/jay", "cat"), 3)
        self.some_pictures("set/check", ("birds/owl", "cat"), 2)
        self.imports("folder", "--train", "set/learn", "--test", "set/check", self.out)
        self.assertEqual(self.class_names(), ["birds/jay", "birds/owl", "cat"])
        self.assertEqual({label for _, label in self.rows("test").values()}, {1, 2})
        self.assertIn("check/cat/0.png", self.rows("test"))
        self.imports("folder", "--train", "set/learn", "--test", "set/check", self.out, "--depth", "1")
        self.assertEqual(self.class_names(), ["birds", "cat"])
        self.some_pictures("set/check", ("dog", "fox"), 1)
        self.assertIn("classes without a training picture: dog, fox",
                      self.refuses("folder", "--train", "set/learn", "--test", "set/check", self.out))

    def test_sizes(self):
        for i, (height, width) in enumerate(((30, 40), (100, 20), (5, 60), (64, 64), (7, 3))):
            self.save(f"photos/a/{i}.png", noise(height, width, seed=i, mode="RGBA" if i % 2 else "RGB"))
        self.assertRegex(self.refuses("folder", "photos", self.out), r"5 sizes, as 60 x 5 .*say which with --size")
        for fit in ("crop", "pad", "exact"):
            for size, (height, width) in (("24", (24, 24)), ("20x50", (20, 50))):
                self.imports("folder", "photos", self.out, "--size", size, "--fit", fit)
                for source, (image, _) in self.rows().items():
                    wanted = numpy.asarray(fitted(on_white(Image.open(self.folder / source)), height, width, fit))
                    difference = abs(wanted.astype(int) - image.astype(int)).max()
                    self.assertLessEqual(difference, 1, (source, fit, size))

    def test_colours_and_depths(self):
        self.save("grey/a/l.png", noise(8, 9, mode="L"))
        self.save("grey/a/one.png", noise(8, 9, mode="L").convert("1"))
        self.save("grey/a/la.png", noise(8, 9, mode="LA"))
        self.imports("folder", "grey", self.out)
        rows = {source.split("/")[-1]: image for source, (image, _) in self.rows().items()}
        self.assertEqual(rows["l.png"].shape, (8, 9, 1))
        self.assertEqual(set(rows["one.png"].flat), {0, 255})
        numpy.testing.assert_array_equal(rows["l.png"][..., 0], numpy.asarray(noise(8, 9, mode="L")))
        self.imports("folder", "grey", self.out, "--channels", "rgb", "--background", "ff0000")
        for image, _ in self.rows().values():
            self.assertEqual(image.shape, (8, 9, 3))
        palette = noise(8, 9).quantize(16)
        self.save("colour/a/p.png", palette)
        self.save("colour/a/l.png", noise(8, 9, mode="L"))
        self.imports("folder", "colour", self.out)
        numpy.testing.assert_array_equal(self.rows()["colour/a/p.png"][0], numpy.asarray(palette.convert("RGB")))
        self.imports("folder", "colour", self.out, "--channels", "grey")
        wanted = numpy.asarray(palette.convert("RGB").convert("L")).astype(int)
        self.assertLessEqual(abs(self.rows()["colour/a/p.png"][0][..., 0] - wanted).max(), 1)
        deep = numpy.random.default_rng(1).integers(0, 65536, (8, 9), numpy.uint16)
        self.save("deep/a/16.png", Image.fromarray(deep))
        self.imports("folder", "deep", self.out)
        numpy.testing.assert_array_equal(self.rows()["deep/a/16.png"][0][..., 0], deep)
        self.save("deep/a/8.png", noise(8, 9, mode="L"))
        self.imports("folder", "deep", self.out)
        numpy.testing.assert_array_equal(self.rows()["deep/a/16.png"][0][..., 0], (deep + 128.) // 257)

    def test_what_is_bad_is_told_at_once_and_nothing_is_written(self):
        self.some_pictures(count=3)
        whole = (self.folder / "photos/cat/0.png").read_bytes()
        bad = {"cut.png": whole[:-40], "empty.png": b"", "text.png": b"no picture at all", "damaged.png":
               whole[:60] + bytes([whole[60] ^ 255]) + whole[61:]}
        for name, content in bad.items():
            (self.folder / "photos/cat" / name).write_bytes(content)
        os.symlink("nowhere", self.folder / "photos/cat/link.png")
        words = self.refuses("folder", "photos", self.out)
        self.assertIn("5 of 11 rows are bad, and nothing was written", words)
        for expected in ("cut.png: is a PNG that is cut short", "empty.png: is empty", "text.png: is no picture that is read",
                         "damaged.png: is a damaged PNG: ", "link.png: "):
            self.assertIn(expected, words)
        summary = self.imports("folder", "photos", self.out, "--skip-bad")
        self.assertEqual({it["what"].split("/")[-1] for it in summary["left_out"]}, {*bad, "link.png"})
        self.assertEqual(len(self.rows()), 6)
        # In more than one split.
        self.assertIn("5 of 11 rows", self.refuses("folder", "photos", self.out, "--test", "0.4", "--validation", "0.2"))
        self.imports("folder", "photos", self.out, "--skip-bad", "--test", "0.4", "--validation", "0.2")
        self.assertEqual(sum(len(self.rows(split)) for split in ("train", "validation", "test")), 6)

    def test_names_links_and_strangers(self):
        names = ("a b.png", "line\nbreak.png", "caf\u00e9 \u732b.PNG", "quote\".png")
        for i, name in enumerate(names):
            self.save(f"photos/cat/{name}", noise(9, 7, seed=i))
        (self.folder / "photos/cat/notes.txt").write_text("x")
        (self.folder / "photos/cat/.hidden.png").write_text("x")
        (self.folder / "photos/empty").mkdir()
        self.save("photos/lost.png", noise(9, 7))
        os.symlink("..", self.folder / "photos/cat/up")
        os.symlink(self.folder / "photos/cat/a b.png", self.folder / "photos/cat/linked.png")
        summary = self.imports("folder", "photos", self.out)
        self.assertEqual(set(self.rows()), {f"photos/cat/{name}" for name in (*names, "linked.png")})
        left_out = {it["what"]: it["why"] for it in summary["left_out"]}
        self.assertEqual(left_out, {"photos/cat/up": "is a link that leads in a circle", "photos/empty": "has no picture",
                                    "photos/lost.png": "is in no directory of a class"})
        self.assertIn("passed over: 1 .png, 1 .txt", summary["warnings"][0])

    def test_the_same_file_in_two_splits_or_classes(self):
        self.some_pictures("one", count=2)
        self.some_pictures("two", count=2)
        self.save("one/dog/cat too.png", noise(9, 7, seed=0))
        warnings = "\n".join(self.imports("folder", "--train", "one", "--test", "two", self.out)["warnings"])
        self.assertIn("4 pictures are the same file in two splits, so that these are not apart: one/cat/0.png = two/cat/0.png",
                      warnings)
        self.assertIn("1 pictures are the same file with two classes: one/cat/0.png = one/dog/cat too.png", warnings)

    def test_wrong_usage(self):
        self.some_pictures(count=2)
        for arguments, words in (
                (("photos", self.out, "--train", "photos"), "give one of both"),
                ((self.out,), "expected DIR OUT, or --train DIR OUT"),
                (("photos", self.out, "--test", "photos", "--size", "0", "--background", "red"), "--size 0: expected pixels"),
                (("photos", self.out, "--test", "1.5"), "--test 1.5: expected a share"),
                (("photos", self.out, "--test", "0.6", "--validation", "0.5"), "less than 1 together")):
            self.assertIn(words, self.refuses("folder", *arguments, code=2))
        self.assertIn("expected a directory with a directory a class", self.refuses("folder", "none", self.out))
        self.assertIn("no pictures in directories of classes", self.refuses("folder", "photos/cat", self.out))
        self.imports("folder", "photos", self.out)
        self.assertIn("exists: name another file", self.run_data("import", "folder", "photos", self.out, code=2).stderr)


if __name__ == "__main__":
    unittest.main()
