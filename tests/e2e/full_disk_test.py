"""Checkpoints onto a disk that has room for one. Needs root, for a small tmpfs."""

import subprocess
import unittest

import sample
from run import lockstep
from training_case import TrainingCase, steps_of


class FullDiskTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_reference()

    def small_disk(self, out):
        disk = self.folder / out / "checkpoints"
        disk.mkdir(parents=True)
        size = self.final("reference").stat().st_size * 3 // 2
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk], check=True)
        return disk

    def test_the_old_one_stays_and_the_job_can_go_on_later(self):
        disk = self.small_disk("full")
        outcome = self.train(2, "full", code=74)
        self.assertIn(f"the checkpoint of step {2 * sample.STEPS_PER_EPOCH} was not written; training goes on",
                      outcome.err)
        self.assertIn("No space left on device; free some space", outcome.err)
        self.assertIn("the last checkpoint could not be written; run the same command again", outcome.err)
        self.assertIn(f"step {sample.STEPS}/{sample.STEPS}", outcome.out)
        self.assertEqual(steps_of(self.folder / "full"), [sample.STEPS_PER_EPOCH])
        self.assertEqual(lockstep("checkpoint", "verify", self.folder / "full").code, 0)

        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        outcome = self.train(4, "full")
        self.assertIn(f"resumed at step {sample.STEPS_PER_EPOCH} of", outcome.out)
        self.assert_identical("reference", "full")


if __name__ == "__main__":
    unittest.main()
