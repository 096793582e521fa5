"""A checkpoint that cannot be written, by the fault points of storage/base: training goes on, the older one stays."""

import signal
import unittest

import sample
from run import lockstep, wait_until
from training_case import TrainingCase, steps_of

POINTS = ("file.open", "file.write", "file.fsync", "file.rename")
# The resolved job is written first; then a checkpoint at the end of each of three epochs.
SECOND_CHECKPOINT, LAST_CHECKPOINT = 3, 4


class WriteFailureTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_reference()

    def run_with_failure(self, point, visit, code):
        return self.train(2, f"{point} {visit}", environment={"LOCKSTEP_FAULT": f"{point}:{visit}:fail@0"}, code=code)

    def test_training_goes_on(self):
        epoch = sample.STEPS_PER_EPOCH
        for point in POINTS:
            with self.subTest(point):
                outcome = self.run_with_failure(point, SECOND_CHECKPOINT, code=0)
                self.assertIn(f"the checkpoint of step {2 * epoch} was not written; training goes on", outcome.err)
                out = self.folder / f"{point} {SECOND_CHECKPOINT}"
                self.assertEqual(steps_of(out), [epoch, 3 * epoch])
                self.assertEqual(list(out.glob("**/*.tmp")), [])
                self.assertEqual(lockstep("checkpoint", "verify", out).code, 0)
                self.assert_identical("reference", out.name)

    def test_the_last_one_is_an_error(self):
        for point in (*POINTS, "file.fsync_directory"):
            with self.subTest(point):
                outcome = self.run_with_failure(point, LAST_CHECKPOINT, code=74)
                self.assertIn("the last checkpoint could not be written; run the same command again", outcome.err)
                out = f"{point} {LAST_CHECKPOINT}"
                self.assertEqual(lockstep("checkpoint", "verify", self.folder / out).code, 0)
                self.train(4, out)
                self.assert_identical("reference", out)

    def run_for_long(self, out):
        """A run that goes on until it is ended, with its first checkpoints written."""
        run = self.start(2, out, "--set", "epochs=100000")
        self.wait_for_step(run, out, 2 * sample.STEPS_PER_EPOCH)
        return run

    def test_a_deleted_directory_of_checkpoints_is_made_again(self):
        out = self.folder / "deleted"
        run = self.run_for_long("deleted")
        (out / "checkpoints").rename(self.folder / "away")
        self.assertTrue(wait_until(lambda: steps_of(out), 30), run.output())
        run.signal([run.process.pid], signal.SIGUSR1)
        outcome = run.wait()
        self.assertEqual(outcome.code, 75, outcome.text)
        self.assertEqual((out / "log.txt").read_text().count("it is made again"), 1)
        self.assertEqual(lockstep("checkpoint", "verify", out).code, 0)

    def test_a_deleted_output_directory_ends_the_run(self):
        run = self.run_for_long("moved")
        (self.folder / "moved").rename(self.folder / "moved away")
        outcome = run.wait(30)
        self.assertEqual(outcome.code, 74, outcome.text)
        self.assertIn("moved: the output directory was deleted or moved while the run trained", outcome.err)
        self.assertFalse((self.folder / "moved").exists())

    def test_an_output_directory_that_was_moved_and_made_again_by_hand(self):
        run = self.run_for_long("remade")
        (self.folder / "remade").rename(self.folder / "remade away")
        (self.folder / "remade" / "checkpoints").mkdir(parents=True)
        outcome = run.wait(30)
        self.assertEqual(outcome.code, 74, outcome.text)
        self.assertIn("remade: the output directory was deleted or moved while the run trained", outcome.err)

    def test_an_output_directory_that_another_run_has_made_anew(self):
        first = self.run_for_long("twice")
        (self.folder / "twice").rename(self.folder / "twice away")
        second = self.start(1, "twice", "--set", "epochs=100000")
        outcome = first.wait(30)
        self.assertEqual(outcome.code, 74, outcome.text)
        second.signal([second.process.pid], signal.SIGUSR1)
        self.assertEqual(second.wait().code, 75, second.output())


if __name__ == "__main__":
    unittest.main()
