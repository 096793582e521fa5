"""No evaluation is lost: what metrics.jsonl does not have, the checkpoint does, and a resumed run puts it back."""

import json
import pathlib
import shutil
import unittest

import h5py

import sample
from run import lockstep
from training_case import TrainingCase, checkpoints, metrics

FAILS = "LOCKSTEP_FAULT"


class EvaluationsTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_reference()
        cls.expected = metrics(cls.reference, "eval")

    def copy(self, out):
        shutil.copytree(self.reference, self.folder / out)
        return self.folder / out

    def lose(self, out, lost):
        path = pathlib.Path(out, "metrics.jsonl")
        kept = [line for line in path.read_text().splitlines() if not lost(json.loads(line))]
        path.write_text("".join(line + "\n" for line in kept))

    def test_the_checkpoint_holds_all(self):
        with h5py.File(self.final("reference"), "r") as file:
            found = [list(file["metrics"].attrs[name]) for name in
                     ("step", "epoch", "rows", "loss", "accuracy")]
        self.assertEqual(found, [[line[name] for line in self.expected] for name in
                                 ("step", "epoch", "rows", "loss", "accuracy")])
        shown = lockstep("checkpoint", "show", self.final("reference"))
        self.assertIn("evaluation after epoch 2: loss", shown.out)
        as_json = json.loads(lockstep("checkpoint", "show", "--json", self.final("reference")).out)
        self.assertEqual([it["loss"] for it in as_json["evaluations"]], [line["loss"] for line in self.expected])

    def test_lines_that_were_lost_come_back(self):
        losses = {"the last": lambda line: line["event"] == "eval" and line["epoch"] == 3,
                  "one between": lambda line: line["event"] == "eval" and line["epoch"] == 2,
                  "all": lambda line: line["event"] == "eval"}
        for name, lost in losses.items():
            with self.subTest(name):
                out = self.copy(name)
                self.lose(out, lost)
                self.assertLess(len(metrics(out, "eval")), 3)
                self.train(2, name)
                self.assertEqual(metrics(out, "eval"), self.expected)
        out = self.copy("no file")
        (out / "metrics.jsonl").unlink()
        self.train(1, "no file")
        self.assertEqual(metrics(out, "eval"), self.expected)

    def test_also_where_nothing_else_is_to_be_done(self):
        stop = ("--set", "execution.stop_after_epochs=2")
        self.train(2, "parts", *stop, code=75)
        out = self.folder / "parts"
        before = (out / "metrics.jsonl").read_text()
        self.lose(out, lambda line: line["event"] == "eval")
        self.train(2, "parts", *stop, code=75)
        self.assertEqual(metrics(out, "eval"), self.expected[:2])
        self.assertEqual(sorted((out / "metrics.jsonl").read_text().splitlines()), sorted(before.splitlines()))

    def test_a_disk_that_recovers(self):
        """From the third line on nothing can be written, until a few lines later."""
        fails = ",".join(f"append.write:{visit}:fail@0" for visit in range(3, 6))
        self.train(2, "recovers", environment={FAILS: fails})
        self.assertEqual(metrics(self.folder / "recovers", "eval"), self.expected)
        steps = [line["step"] for line in metrics(self.folder / "recovers", "train")]
        self.assertEqual(steps, list(range(1, sample.STEPS + 1)))
        self.assert_identical("reference", "recovers")

    def test_no_success_while_an_evaluation_is_nowhere(self):
        """The metrics fail for good; checkpoints are written, since they are other files."""
        nothing = {FAILS: "append.write:0:fail@0,metrics.rewrite:0:fail@0"}
        for name, more, code in (("done", (), 0), ("stopped", ("--set", "execution.stop_after_epochs=1"), 75)):
            with self.subTest(name):
                outcome = self.train(2, name, *more, environment=nothing, code=74)
                self.assertIn("the evaluations are not on disk; run the same command again", outcome.err)
                self.assertEqual(outcome.err.count("what cannot be written waits"), 1, outcome.err)
                self.assertEqual(len(checkpoints(self.folder / name)), 3 if code == 0 else 1)
                self.train(4, name, *more, code=code)
                self.assertEqual(metrics(self.folder / name, "eval"), self.expected[:3 if code == 0 else 1])
        self.assert_identical("reference", "done")


class BeforeTest(TrainingCase):
    """Checkpoints that hold no evaluations but the accuracy, as before they were stored."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_reference()
        cls.expected = metrics(cls.reference, "eval")

    def before(self, out):
        """The reference as a run of before would have left it."""
        shutil.copytree(self.reference, self.folder / out)
        for path in checkpoints(self.folder / out):
            sample.take_out_evaluations(path)
        return self.folder / out

    def test_shown_and_resumed(self):
        out = self.before("whole")
        shown = lockstep("checkpoint", "show", "--json", out)
        self.assertEqual(shown.code, 0, shown.text)
        self.assertIsNone(json.loads(shown.out)["evaluations"])
        self.assertEqual(json.loads(shown.out)["accuracy"], self.expected[-1]["accuracy"])
        text = (out / "metrics.jsonl").read_text()
        self.train(2, "whole")
        self.assertEqual(metrics(out, "eval"), self.expected)
        self.assertTrue((out / "metrics.jsonl").read_text().startswith(text))

    def test_the_last_line_lost_it_is_evaluated_again(self):
        out = self.before("last")
        lines = [line for line in (out / "metrics.jsonl").read_text().splitlines() if '"epoch":3,' not in line]
        (out / "metrics.jsonl").write_text("".join(line + "\n" for line in lines))
        self.train(4, "last")
        self.assertEqual(metrics(out, "eval"), self.expected)
        self.assert_identical("reference", "last")

    def test_the_accuracies_of_other_checkpoints_are_found(self):
        """Without any metrics, the checkpoints that are there tell; the best one stays."""
        out = self.before("files")
        (out / "metrics.jsonl").unlink()
        checkpoints(out)[-1].unlink()
        self.train(2, "files")
        self.assertEqual([(line["epoch"], line["accuracy"]) for line in metrics(out, "eval")],
                         [(line["epoch"], line["accuracy"]) for line in self.expected])
        self.assertEqual([line["loss"] for line in metrics(out, "eval")],
                         [None] + [line["loss"] for line in self.expected[1:]])
        self.assert_identical("reference", "files")


if __name__ == "__main__":
    unittest.main()
