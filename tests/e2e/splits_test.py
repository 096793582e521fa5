"""Choosing and testing are done on different rows: validation while training, test once at the end, rows held out of
training where the file has no validation split; and what was begun without them goes on without them."""

import json
import unittest

import h5py

import sample
from run import lockstep
from training_case import TrainingCase, checkpoints, metrics

HELD_OUT = ("--set", "data.hold_out.share=0.2", "--set", "data.hold_out.key=3")


class SplitsTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.parted = sample.write_dataset(cls.folder / "parted.h5", validation=True)
        cls.parted_job = sample.write_job(cls.folder / "parted.job.pbtxt", cls.parted)

    def figure(self, out, split, *arguments):
        return json.loads(lockstep("eval", "--checkpoint", self.folder / out, "--split", split, "--json", *arguments).out)

    def test_validation_chooses_and_test_is_told_once(self):
        run = self.train(2, "parted", job=self.parted_job)
        evaluations = metrics(self.folder / "parted", "eval")
        self.assertEqual([line["rows"] for line in evaluations], [sample.TEST_ROWS] * 3)
        tests = metrics(self.folder / "parted", "final_test")
        self.assertEqual([(line["step"], line["epoch"], line["rows"]) for line in tests], [(sample.STEPS, 3, 150)])
        self.assertEqual(run.out.count("validation accuracy"), 3, run.out)
        self.assertEqual(run.out.count("final test accuracy"), 1, run.out)
        self.assertRegex(run.out, r"accuracy +[0-9.]+ % on the validation split\naccuracy +[0-9.]+ % on the test split")
        for split, line in (("validation", evaluations[-1]), ("test", tests[0])):
            found = self.figure("parted", split)
            self.assertEqual((found["loss"], found["metrics"]["accuracy"]), (line["loss"], line["accuracy"]), split)
        with h5py.File(self.final("parted")) as file:
            self.assertEqual(list(file["final_test"].attrs["loss"]), [tests[0]["loss"]])
        shown = lockstep("checkpoint", "show", self.folder / "parted").out
        self.assertIn("final test: loss", shown)
        # The test split decides nothing: without it the bits are the same.
        self.train(1, "untested", "--set", "data.test=", job=self.parted_job)
        self.assert_identical("parted", "untested")
        self.assertEqual(metrics(self.folder / "untested", "final_test"), [])

    def test_the_test_is_made_again_where_it_was_lost_and_not_where_it_was_not(self):
        self.train(1, "lost", job=self.parted_job)
        before = (self.folder / "lost/metrics.jsonl").read_text()
        told = metrics(self.folder / "lost", "final_test")

        def take_out(file):
            del file["final_test"]
        sample.change_checkpoint(self.final("lost"), take_out)
        again = self.train(2, "lost", job=self.parted_job)
        self.assertEqual(again.out.count("final test loss"), 1, again.out)
        self.assertEqual(metrics(self.folder / "lost", "final_test"), told)
        # The line alone was lost: the checkpoint has it.
        kept = [line for line in before.splitlines() if "final_test" not in line]
        (self.folder / "lost/metrics.jsonl").write_text("".join(line + "\n" for line in kept))
        third = self.train(2, "lost", job=self.parted_job)
        self.assertEqual(third.out.count("final test loss"), 0, third.out)
        self.assertIn("on the test split", third.out)
        self.assertEqual(metrics(self.folder / "lost", "final_test"), told)

    def test_a_run_that_goes_on_is_tested_at_its_new_end(self):
        longer = ("--set", "schedule={ constant { learning_rate: 0.05 } }")
        self.train(1, "longer", *longer, job=self.parted_job)
        self.train(1, "longer", *longer, "--set", "epochs=4", job=self.parted_job)
        self.assertEqual([line["epoch"] for line in metrics(self.folder / "longer", "final_test")], [3, 4])
        with h5py.File(checkpoints(self.folder / "longer")[-1]) as file:
            self.assertEqual(list(file["final_test"].attrs["epoch"]), [4])

    def test_rows_are_held_out_by_their_own_key(self):
        for ranks in (1, 2, 4):
            self.train(ranks, f"held{ranks}", *HELD_OUT)
        self.assert_identical("held1", "held2")
        self.assert_identical("held1", "held4")
        evaluations = metrics(self.folder / "held1", "eval")
        held = evaluations[0]["rows"]
        self.assertTrue(abs(held - 0.2 * sample.TRAIN_ROWS) <= 3, held)
        self.assertEqual(len(metrics(self.folder / "held1", "final_test")), 1)
        self.assertEqual(self.figure("held1", "validation")["loss"], evaluations[-1]["loss"])
        self.assertEqual(self.figure("held1", "train")["rows"], sample.TRAIN_ROWS - held)
        # Another seed chooses by the same rows, another key by others.
        self.train(2, "seed", *HELD_OUT, "--set", "seed=8")
        self.assertEqual(metrics(self.folder / "seed", "eval")[0]["rows"], held)
        self.train(2, "key", *HELD_OUT[:2], "--set", "data.hold_out.key=4")
        self.assert_different("held1", "key")
        refused = self.train(2, "held1", *HELD_OUT[:2], "--set", "data.hold_out.key=4", code=2)
        self.assertIn("data.hold_out.key", refused.text)

    def test_folds(self):
        rows = 0
        for fold in (1, 2, 3):
            self.train(1, f"fold{fold}", "--set", f"data.hold_out={{ fold: {fold} of: 3 }}", "--set", "epochs=1")
            rows += metrics(self.folder / f"fold{fold}", "eval")[0]["rows"]
        self.assertEqual(rows, sample.TRAIN_ROWS)

    def test_what_cannot_be_meant_is_refused(self):
        cases = {
            "a validation split": (self.parted_job, HELD_OUT, "has a validation split"),
            "the same split": (self.job, ("--set", "data.validation=test"), "data.validation"),
            "half of a fold": (self.job, ("--set", "data.hold_out.fold=1"), "both fold and of"),
            "no such fold": (self.job, ("--set", "data.hold_out={ fold: 6 of: 5 }"), "expected 1 to 5, got 6"),
            "share and fold": (self.job, ("--set", "data.hold_out={ share: 0.1 fold: 1 of: 5 }"), "either share"),
            "all": (self.job, ("--set", "data.hold_out.share=1"), "below 1"),
        }
        for name, (job, arguments, words) in cases.items():
            with self.subTest(name):
                self.assertIn(words, self.train(1, "refused", *arguments, code=2, job=job).text)

    def test_choosing_by_the_test_split_is_said(self):
        run = self.train(1, "said", "--set", "epochs=1")
        self.assertIn("the best checkpoint is chosen by test", run.out)
        self.assertIn("hold_out", (self.folder / "said/log.txt").read_text())
        self.assertEqual(metrics(self.folder / "said", "final_test"), [])
        self.assertRegex(run.out, r"accuracy +[0-9.]+ % on the test split")

    def test_a_run_of_before_goes_on_to_be_judged_by_its_test_rows(self):
        """The job that it stored names no validation split."""
        stop = ("--set", "execution.stop_after_epochs=1")
        self.train(2, "before", *stop, "--set", "data.validation=", job=self.parted_job, code=75)
        out = self.folder / "before"
        text = (out / "job.pbtxt").read_text()
        self.assertIn('  validation: ""\n', text)
        (out / "job.pbtxt").write_text(text.replace('  validation: ""\n', ""))
        self.train(2, "before", job=self.parted_job)
        self.assertEqual([line["rows"] for line in metrics(out, "eval")], [150] * 3)
        self.assertEqual(metrics(out, "final_test"), [])


if __name__ == "__main__":
    unittest.main()
