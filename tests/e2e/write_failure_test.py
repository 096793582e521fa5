"""A checkpoint that cannot be written, by the fault points of storage/base: training goes on, the older one stays."""

import unittest

import sample
from run import lockstep
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


if __name__ == "__main__":
    unittest.main()
