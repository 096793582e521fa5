"""Data that contradict themselves: refused where it is sure, else a warning once, on the terminal and in the run's log."""

import json
import pathlib
import unittest

import h5py
import numpy

import sample
from run import lockstep
from training_case import TrainingCase, checkpoints, metrics

CLASSES = [name.encode() for name in sample.CLASSES]


class ContradictionTest(TrainingCase):
    def write(self, name, change=lambda splits: None, names=(CLASSES, CLASSES), mean=None, **storage):
        """A file of the sample's rows after `change` of {split: [images, labels]}; class names of each split."""
        splits = {"train": list(sample.rows(320, 1)), "test": list(sample.rows(125, 2))}
        change(splits)
        path = self.folder / name
        with h5py.File(path, "w") as file:
            for (split, (images, labels)), its_names in zip(splits.items(), names):
                file.create_dataset(f"{split}/images", data=images, **storage)
                file[f"{split}/labels"] = labels
                if its_names is not None:
                    file[split].attrs["class_names"] = its_names
                if mean is not None:
                    file[f"{split}/images"].attrs["mean"] = numpy.array([mean[0]], "f4")
                    file[f"{split}/images"].attrs["deviation"] = numpy.array([mean[1]], "f4")
        return path

    def job_of(self, path, units=5):
        text = self.job.read_text().replace(str(self.data), str(path)).replace("units: 5", f"units: {units}")
        job = self.folder / f"{path.stem}.pbtxt"
        job.write_text(text.replace("epochs: 3", "epochs: 1").replace("warm_up_epochs: 1", "warm_up_epochs: 0.5"))
        return job

    def try_job(self, path, code, ranks=2, units=5):
        out = f"{path.stem} {ranks}"
        outcome = self.train(ranks, out, job=self.job_of(path, units), code=code)
        return outcome, self.folder / out

    def warned(self, path, words, units=5):
        """`data info` and `train` say `words`: the training once, on the terminal and in its log."""
        self.assertRegex(lockstep("data", "info", path).err, words)
        outcome, out = self.try_job(path, 0, units=units)
        for text in (outcome.err, (out / "log.txt").read_text()):
            lines = [line.partition(" W ")[2] for line in text.split("\n") if " W " in line and path.name in line]
            self.assertEqual(len(lines), len(set(lines)), text)  # once
            self.assertRegex("\n".join(lines), words)
        return out

    def refused(self, path, words):
        """By `data info` and by `train`, before the first step."""
        for outcome in (lockstep("data", "info", path), self.try_job(path, 3)[0]):
            self.assertEqual(outcome.code, 3, outcome.text)
            self.assertRegex(outcome.err, words)
        self.assertEqual(checkpoints(self.folder / f"{path.stem} 2"), [])

    def test_nothing_is_said_of_good_data(self):
        path = self.write("good.h5")
        self.assertEqual(lockstep("data", "info", path).err, "")
        outcome, out = self.try_job(path, 0)
        self.assertNotIn(path.name, outcome.err)
        self.assertNotIn(" W ", (out / "log.txt").read_text())

    def test_pixels_of_two_scales(self):
        def wide(splits):
            splits["test"][0] = splits["test"][0].astype("f4")

        def unit(splits):
            splits["test"][0] = splits["test"][0].astype("f4") / 255

        def wide_train(splits):
            splits["train"][0] = splits["train"][0].astype("f4")

        def floats(splits):
            splits["train"][0] = splits["train"][0].astype("f4") / 255
            splits["test"][0] = splits["test"][0].astype("f4")

        self.refused(self.write("wide.h5", wide), "test/images.* float32, while group train has uint8")
        self.refused(self.write("wide_train.h5", wide_train), "test/images.* uint8, while group train has float32")
        self.warned(self.write("floats.h5", floats), "test/images.* mean .* group train")
        outcome, out = self.try_job(self.write("unit.h5", unit), 0)
        self.assertNotIn(" W ", (out / "log.txt").read_text())

    def test_statistics_of_other_pixels(self):
        self.refused(self.write("in_bytes.h5", mean=(72.9, 60)), r"mean 72.9.* value / 255")
        self.refused(self.write("negative.h5", mean=(-0.1, 0.3)), r"mean -0.1.* value / 255")

        def floats(splits):
            for split in splits.values():
                split[0] = split[0].astype("f4")
        self.warned(self.write("scaled_mean.h5", floats, mean=(0.45, 0.2)), "train/images.* mean 0.45")

    def test_a_split_that_is_not_there_is_not_evaluated(self):
        outcome, _ = self.try_job(self.write("lone.h5", lambda splits: splits.pop("test")), 0)
        self.assertIn("lone.h5: there is no group test: nothing is evaluated", outcome.err)

    def test_rows_that_were_never_written(self):
        def half(name, **storage):
            path = self.write(name)
            with h5py.File(path) as file:
                images, labels = file["train/images"][:160], file["train/labels"][()]
            with h5py.File(path, "w") as file:
                file.create_dataset("train/images", (320, 12, 12, 1), "u1", **storage)[:160] = images
                file["train/labels"] = labels
            return path
        self.refused(half("deflated.h5", chunks=(32, 12, 12, 1), compression="gzip"), "5 of .* 10 chunks")
        self.warned(half("contiguous.h5"), "train/images.* one value .* row 160")

        def black_labels(splits):
            splits["train"][1][200:] = 0
        self.warned(self.write("labels.h5", black_labels), "train/labels.* last 120 rows")

    def test_classes(self):
        def from_one(splits):
            for split in splits.values():
                split[1] = split[1] + 1
        self.warned(self.write("from_one.h5", from_one, names=(None, None)), "train/labels.* no row.*: 0", units=6)

        def without_last(splits):
            keep = splits["test"][1] < 4
            splits["test"] = [part[keep] for part in splits["test"]]
        outcome, out = self.try_job(self.write("less.h5", without_last, names=(None, None)), 0)
        self.assertEqual(len(metrics(out, "eval")), 1)

        def fewer(splits):
            keep = splits["train"][1] < 4
            splits["train"] = [part[keep] for part in splits["train"]]
        self.refused(self.write("more.h5", fewer, names=(None, None)), "test/labels.* label 4")

    def test_names_of_classes(self):
        turned = [CLASSES[i] for i in (2, 0, 1, 4, 3)]

        def same_rows(splits):
            splits["test"][1] = numpy.array([turned.index(CLASSES[i]) for i in splits["test"][1]])
        self.refused(self.write("other_names.h5", names=(CLASSES, [b"a", b"b", b"c", b"d", b"e"])),
                     'test.* class "a"')
        plain, plain_out = self.try_job(self.write("plain_names.h5"), 0)
        out = self.warned(self.write("turned.h5", same_rows, names=(CLASSES, turned)), "test.* mapped by name")
        self.assertEqual(metrics(out, "eval"), metrics(plain_out, "eval"))

        # A checkpoint beside other data.
        report = [lockstep("eval", "--checkpoint", plain_out, "--data", self.folder / name, "--json")
                  for name in ("plain_names.h5", "turned.h5", "other_names.h5")]
        self.assertEqual([each.code for each in report], [0, 0, 3], report[2].text)
        same, mapped = (json.loads(each.out) for each in report[:2])
        self.assertEqual([same[key] for key in ("top1", "confusion")], [mapped[key] for key in ("top1", "confusion")])
        self.assertRegex(report[1].err, "mapped by name")
        self.assertIn('class "a"', json.loads(report[2].err)["error"]["message"])

        def floats(splits):
            for split in splits.values():
                split[0] = split[0].astype("f4")
        wide = lockstep("eval", "--checkpoint", plain_out, "--data", self.write("wide_floats.h5", floats))
        self.assertRegex(wide.err, "test/images.* mean .* the checkpoint")

    def test_channels_first(self):
        def first(splits):
            for split in splits.values():
                split[0] = numpy.repeat(split[0], 3, axis=3).transpose(0, 3, 1, 2)
        path = self.write("first.h5", first)
        self.assertRegex(lockstep("data", "info", path).err, "train/images.* channels first")

    def test_pixels_that_are_no_numbers(self):
        def nan(splits):
            for split in splits.values():
                split[0] = split[0].astype("f4") / 255
            splits["test"][0][[17, 90], 3, 3, 0] = numpy.nan
        path = self.write("nan.h5", nan)
        self.refused(path, "test/images.* rows 17, 90")
        self.train(1, "good floats", job=self.job_of(self.write("unit_floats.h5", lambda splits: [
            split.__setitem__(0, split[0].astype("f4") / 255) for split in splits.values()])))
        outcome = lockstep("eval", "--checkpoint", self.folder / "good floats", "--data", path)
        self.assertEqual(outcome.code, 3, outcome.text)
        self.assertRegex(outcome.err, "rows 17, 90")


if __name__ == "__main__":
    unittest.main()
