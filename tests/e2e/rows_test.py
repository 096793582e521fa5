"""Rows of 16 bits and seven channels are learned from; rows that know their sources are named by them."""

import json
import unittest

import h5py
import numpy

import sample
from run import lockstep
from training_case import TrainingCase, metrics

CHANNELS = 7


def words(count, seed):
    """The textures of the sample, with other noise in each channel."""
    images, labels = sample.rows(count, seed)
    noise = numpy.random.default_rng(seed + 100).integers(0, 20000, (*images.shape[:3], CHANNELS))
    return (150 * images.astype(int) + noise).astype(numpy.uint16), labels


def write_words(path):
    with h5py.File(path, "w") as file:
        file.attrs["class_names"] = sample.CLASSES
        for group, count, seed in (("train", sample.TRAIN_ROWS, 1), ("test", sample.TEST_ROWS, 2)):
            file[f"{group}/images"], file[f"{group}/labels"] = words(count, seed)
    return path


def with_sources(path):
    with h5py.File(path, "r+") as file:
        for group in ("train", "test"):
            file[f"{group}/sources/path"] = [f"{group}/{row}.png" for row in range(len(file[f"{group}/labels"]))]
    return path


def as_shares(images):
    return images.astype(numpy.float32) / 255


class RowsTest(TrainingCase):
    def test_seven_channels_of_uint16(self):
        path = write_words(self.folder / "words.h5")
        job = sample.write_job(self.folder / "words.pbtxt", path)
        for ranks in (1, 2, 4):
            self.train(ranks, f"words {ranks}", job=job)
            self.assert_identical("words 1", f"words {ranks}")
        told = metrics(self.folder / "words 1", "eval")[-1]
        self.assertGreater(told["accuracy"], 0.9)
        # Sources change no bit, and a run goes on where they have come.
        with_sources(path)
        self.train(2, "with sources", job=job)
        self.assert_identical("words 1", "with sources")
        found = json.loads(lockstep("eval", "--checkpoint", self.folder / "words 1", "--json").out)
        self.assertEqual(found["metrics"]["accuracy"], told["accuracy"])

    def test_bad_rows_are_named_by_their_sources(self):
        path = self.folder / "none.h5"
        with h5py.File(path, "w") as file:
            for group, count, seed in (("train", sample.TRAIN_ROWS, 1), ("test", sample.TEST_ROWS, 2)):
                images, file[f"{group}/labels"] = sample.rows(count, seed)
                file[f"{group}/images"] = as_shares(images)
            file["train/images"][17, 5, 5, 0] = numpy.nan
        job = sample.write_job(self.folder / "none.pbtxt", with_sources(path))
        messages = set()
        for ranks in (1, 2, 4):
            outcome = self.train(ranks, f"none {ranks}", code=4, job=job)
            self.assertIn("not finite numbers in rows 17 (train/17.png); mend", outcome.err)  # of the warning
            messages.add(next(line for line in outcome.err.split("\n") if line.startswith("lockstep train:")))
        self.assertEqual(len(messages), 1, messages)
        self.assertIn("not finite numbers in rows 17 (train/17.png) of group train in", messages.pop())

    def test_a_label_out_of_range(self):
        path = with_sources(write_words(self.folder / "label.h5"))
        with h5py.File(path, "r+") as file:
            file["train/labels"][123] = 5
        outcome = self.train(2, "label", code=3, job=sample.write_job(self.folder / "label.pbtxt", path))
        self.assertIn("the first is 5 at row 123 (train/123.png)", outcome.err)


if __name__ == "__main__":
    unittest.main()
