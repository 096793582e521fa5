"""Random changes of the images: the same bits on any number of ranks, read ahead by much or little, killed and gone on
with; of colour images, and of masks, which move with theirs."""

import unittest

import h5py
import numpy

import sample
import tasks
from run import lockstep
from training_case import TrainingCase, metrics, steps_of

RANKS = (1, 2, 4, 8)
GEOMETRY = """transform { vertical_flip {} }
    transform { affine { degrees: 15 translation: 0.1 min_scale: 0.9 max_scale: 1.1 shear: 5 probability: 0.5 } }
    transform { random_resized_crop { min_scale: 0.6 probability: 0.5 } }"""
# Every one, two of a kind, and the two that come before them.
COLOUR = f"""random_crop {{ padding: 1 }} horizontal_flip {{}} {GEOMETRY}
    transform {{ brightness {{}} }} transform {{ contrast {{}} }} transform {{ saturation {{}} }} transform {{ hue {{}} }}
    transform {{ affine {{ translation: 0.1 border: BORDER_EDGE probability: 0.2 }} }}
    transform {{ random_erasing {{ max_share: 0.1 }} }}
    mixup {{ probability: 0.3 }} cut_mix {{ probability: 0.3 }}"""
MASKS = f"""random_crop {{ padding: 2 }} horizontal_flip {{}} {GEOMETRY} transform {{ brightness {{ amount: 0.2 }} }}
    transform {{ contrast {{ amount: 0.2 }} }} transform {{ random_erasing {{ max_share: 0.05 }} }}"""


def write_colours(path):
    """Textures of the sample, stretched by half, in a colour of each row."""
    with h5py.File(path, "w") as file:
        file.attrs["class_names"] = sample.CLASSES
        for group, count, seed in (("train", sample.TRAIN_ROWS, 1), ("test", sample.TEST_ROWS, 2)):
            images, labels = sample.rows(count, seed)
            colours = numpy.random.default_rng(seed).uniform(0.6, 1, (count, 1, 1, 3))
            file[f"{group}/images"] = (images * colours).astype(numpy.uint8)
            file[f"{group}/labels"] = labels
    return path


def write_job(path, data, augmentation):
    sample.write_job(path, data, clip="")
    text = path.read_text()
    before = "random_crop { padding: 1 } horizontal_flip {}"
    assert before in text
    path.write_text(text.replace(before, augmentation))
    return path


class AugmentationTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        colours = write_colours(cls.folder / "colours.h5")
        cls.jobs = {"colours": write_job(cls.folder / "colours.job.pbtxt", colours, COLOUR)}
        masks = next(task for task in tasks.TASKS if task.name == "masks")
        cls.plain_masks = masks.write(cls.folder)
        cls.jobs["masks"] = cls.folder / "changed masks.job.pbtxt"
        cls.jobs["masks"].write_text(cls.plain_masks.read_text().replace(masks.augmentation, MASKS))

    def each_job(self, check):
        for name, job in self.jobs.items():
            with self.subTest(name):
                check(name, job)

    def test_any_number_of_ranks(self):
        self.each_job(self.check_ranks)

    def check_ranks(self, name, job):
        for ranks in RANKS:
            self.train(ranks, f"{name} {ranks}", job=job)
            self.assert_identical(f"{name} 1", f"{name} {ranks}")
        self.train(2, f"{name} ahead", "--set", "data.prefetch_batches=1", job=job)
        self.assert_identical(f"{name} 1", f"{name} ahead")
        last = metrics(self.folder / f"{name} 1", "eval")[-1]
        metric, at_least = {"colours": ("accuracy", 0.5), "masks": ("mean_iou", 0.85)}[name]
        self.assertGreater(last[metric], at_least, "the network has not learned")

    def test_in_bf16_with_a_wrapped_tail(self):
        other = ("--set", "execution.precision=BF16", "--set", "data.tail=WRAP", "--set", "epochs=1")
        for ranks in (1, 4):
            self.train(ranks, f"other {ranks}", *other, job=self.jobs["colours"])
        self.assert_identical("other 1", "other 4")

    def test_killed_and_gone_on_with(self):
        self.each_job(self.check_kills)

    def check_kills(self, name, job):
        out, calm = f"{name} killed", f"{name} calm"
        self.train(2, calm, job=job)
        for ranks, step in ((4, 7), (1, 33)):
            run = self.start(ranks, out, "--set", "checkpoint.every_steps=3", "--set", "reporting.every_steps=1", job=job)
            self.wait_for_step(run, out, step)
            run.kill_all()
            run.wait()
            self.assertLess(steps_of(self.folder / out)[-1], steps_of(self.folder / calm)[-1], "it was not interrupted")
        self.train(8, out, job=job)
        self.assert_identical(calm, out)

    def test_stopped_and_gone_on_with(self):
        job = self.jobs["colours"]
        self.train(4, "stopped", "--set", "execution.stop_after_epochs=1", job=job, code=75)
        place = "data.augmentation.transform[1].affine.degrees"
        outcome = self.train(1, "stopped", "--set", f"{place}=20", job=job, code=2)
        self.assertIn(f"{place}: 15, 20", outcome.err)
        self.train(1, "stopped", job=job)
        self.train(2, "not stopped", job=job)
        self.assert_identical("stopped", "not stopped")

    def test_each_has_an_effect(self):
        """Negative control: another seed, none, or any one of them that never happens, gives other bits."""
        job = self.jobs["colours"]
        once = ("--set", "epochs=1")
        self.train(1, "all", *once, job=job)
        self.train(1, "seed", *once, "--set", "seed=8", job=job)
        self.assert_different("all", "seed")
        plain = write_job(self.folder / "plain.job.pbtxt", self.folder / "colours.h5",
                          "random_crop { padding: 1 } horizontal_flip {}")
        self.train(1, "none", *once, job=plain)
        self.assert_different("all", "none")
        kinds = ("vertical_flip", "affine", "random_resized_crop", "brightness", "contrast", "saturation", "hue", "affine",
                 "random_erasing")
        for place, kind in enumerate(kinds):
            without = f"without {place}"
            self.train(1, without, *once, "--set", f"data.augmentation.transform[{place}].{kind}.probability=0", job=job)
            self.assert_different("all", without)

    def test_what_cannot_be_is_told_at_once(self):
        grey = write_job(self.folder / "grey.job.pbtxt", self.data, COLOUR)
        outcome = lockstep("train", grey, "--out", self.folder / "refused")
        self.assertEqual(outcome.code, 2, outcome.text)
        for words in ("grey.job.pbtxt:7: data.augmentation.transform[5].saturation: expected images of 3 channels, got 1",
                      "transform[6].hue: expected images of 3 channels, got 1"):
            self.assertIn(words, outcome.err)
        outcome = lockstep("train", self.jobs["colours"], "--out", self.folder / "refused", "--set",
                           "data.augmentation.transform[8].random_erasing.max_share=0.01", "--set",
                           "data.augmentation.transform[0].vertical_flip.probability=1.5", "--set",
                           "data.augmentation.transform[1].affine.min_scale=2")
        self.assertEqual(outcome.code, 2, outcome.text)
        for words in ("[8].random_erasing.min_share: expected at most max_share (0.01), got 0.02",
                      "[0].vertical_flip.probability: expected at most 1, got 1.5",
                      "[1].affine.min_scale: expected at most max_scale (1.1), got 2"):
            self.assertIn(words, outcome.err)
        self.assertFalse((self.folder / "refused").exists())


if __name__ == "__main__":
    unittest.main()
