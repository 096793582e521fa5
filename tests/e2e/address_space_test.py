"""Networks that are larger than the address space of a process."""

import unittest

import sample
from run import BIN, Run
from training_case import TrainingCase


class AddressSpaceTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.large = sample.write_large_job(cls.folder / "large.job.pbtxt", cls.data)

    def test_a_network_that_does_not_fit(self):
        for ranks in (1, 2):
            with self.subTest(ranks):
                outcome = self.limited(ranks, "ulimit -v 6000000 -c 0", f"large {ranks}", job=self.large)
                self.assertEqual(outcome.code, 2, outcome.text)
                self.assertRegex(outcome.err, r"too large for the memory of a (process|host): expected at most [\d.]+ GB")
                self.assertNotIn("bug in Lockstep", outcome.err)

    def test_a_network_is_shown_without_its_memory(self):
        run = Run(["bash", "-c", 'ulimit -v 2000000; exec "$@"', "limited", BIN / "lockstep", "model", "show", self.large])
        outcome = run.wait(60)
        self.assertEqual(outcome.code, 0, outcome.text)
        self.assertIn("1,450,000,000", outcome.out)


if __name__ == "__main__":
    unittest.main()
