"""The identity matrix: each loss, weighting, metric and schedule of a table, in both precisions, on 1, 2, 4 and 8 ranks,
killed on one number of ranks and gone on with on another: the same bits and the same evaluations."""

import itertools
import unittest

import sample
import tasks
from training_case import TrainingCase, metrics, steps_of

RANKS = (1, 2, 4, 8)
PRECISIONS = ("FP32", "BF16")
# Name, job, settings. What other tests have is not here: the optimizers, the plain losses of each task.
ROWS = (
    ("class weights", "class", ("loss.softmax_cross_entropy.class_weight=[4, 1, 0, 1, 0.5]",)),
    ("balanced, smoothed", "class", ("loss.softmax_cross_entropy.balanced=true", "loss.label_smoothing=0.1")),
    ("ignored label", "class", ("loss.softmax_cross_entropy.ignored_label=2", 'evaluate.metric=["macro_f1"]')),
    ("plateau", "class", ("schedule={plateau { learning_rate: 0.1 factor: 0.3 patience: 0 min_delta: 0.05 }}",
                          "evaluate.every_steps=5")),
    ("average, early end", "class", ("average={decay: 0.9}", "stop_when={patience: 1 min_delta: 2}")),
    ("weights of positives", "labels", ("loss.binary_cross_entropy={positive_weight: [2, 1, 0.5]}",
                                        'evaluate.metric=["average_precision/columns"]')),
    ("huber", "numbers", ("loss.huber={delta: 0.5}", 'evaluate.metric=["mean_absolute_error"]')),
    ("pixels alone", "masks", ("loss.pixel_cross_entropy={dice_weight: 0}", 'evaluate.metric=["iou/square"]')),
    ("mostly dice", "masks", ("loss.pixel_cross_entropy={dice_weight: 3}", 'evaluate.metric=["pixel_accuracy"]')),
)


def told(out):
    return [{name: value for name, value in line.items() if name not in ("time", "seconds", "images_per_second")}
            for line in metrics(out, "eval")]


class MatrixTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.jobs = {task.name: task.write(cls.folder) for task in tasks.TASKS}
        cls.jobs["class"] = sample.write_job(cls.folder / "class.job.pbtxt", cls.data, clip="")

    def test_every_row(self):
        for (name, job, settings), precision in itertools.product(ROWS, PRECISIONS):
            with self.subTest(name, precision=precision):
                self.check_row(f"{name} {precision}", self.jobs[job],
                               [word for setting in ("epochs=3", *settings, f"execution.precision={precision}")
                                for word in ("--set", setting)])

    def check_row(self, name, job, settings):
        for ranks in RANKS:
            self.train(ranks, f"{name} {ranks}", *settings, job=job)
            self.assert_identical(f"{name} 1", f"{name} {ranks}")
        whole = told(self.folder / f"{name} 1")
        self.assertGreater(len(whole), 1)
        for ranks in RANKS:
            self.assertEqual(told(self.folder / f"{name} {ranks}"), whole)
        run = self.start(4, f"{name} killed", *settings, "--set", "checkpoint.every_steps=3", "--set",
                         "reporting.every_steps=1", job=job)
        self.wait_for_step(run, f"{name} killed", 7)
        run.kill_all()
        run.wait()
        self.assertLess(steps_of(self.folder / f"{name} killed")[-1], steps_of(self.folder / f"{name} 1")[-1],
                        "it was not interrupted")
        self.train(2, f"{name} killed", *settings, job=job)
        self.assert_identical(f"{name} 1", f"{name} killed")
        self.assertEqual(told(self.folder / f"{name} killed"), whole)

    def test_the_rows_differ(self):
        """Negative control: what a row sets is not without effect."""
        for name, job, settings in ROWS:
            words = [word for setting in ("epochs=1", *settings) for word in ("--set", setting)]
            self.train(1, f"{name} set", *words, job=self.jobs[job])
            self.train(1, f"{name} not set", "--set", "epochs=1", job=self.jobs[job])
            self.assert_different(f"{name} set", f"{name} not set")


if __name__ == "__main__":
    unittest.main()
