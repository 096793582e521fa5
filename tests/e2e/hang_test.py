"""A rank that hangs is found from inside the job, named, and ends it with exit code 86."""

import signal
import time
import unittest

from training_case import TrainingCase, metrics

ENDLESS = ("--set", "epochs=100000", "--set", "checkpoint.every_epochs=1000")


class HangTest(TrainingCase):
    def stop_one_rank(self, out, timeout_seconds):
        run = self.start(4, out, *ENDLESS, "--set", f"execution.hang_timeout_seconds={timeout_seconds}")
        self.wait_for_step(run, out, 3)
        run.signal([run.ranks()[2]], signal.SIGSTOP)
        return run

    def test_a_stopped_rank_is_named(self):
        run = self.stop_one_rank("stopped", 2)
        outcome = run.wait(30)
        self.assertEqual(outcome.code, 86, outcome.text)
        self.assertRegex(outcome.err, r"no progress for [\d.]+ s \((reduction|agreement), step \d+\); behind: rank 2 \(")
        self.assertNotIn("itself hangs", outcome.err)
        self.assertTrue(run.is_gone(10), f"left: {run.processes()}")

    def test_without_the_timeout_it_waits(self):
        run = self.stop_one_rank("waiting", 0)
        time.sleep(5)
        self.assertIsNone(run.process.poll(), run.output())
        self.assertEqual(len(run.ranks()), 4)

    def test_a_long_slice_is_no_hang(self):
        # Forty-eight kernels of about the same length are one slice.
        layers = 16 * "  layer { convolution { filters: 128 kernel: 3 padding: SAME } }\n  layer { relu {} }\n"
        job = self.folder / "long.job.pbtxt"
        job.write_text(f'data {{ path: "{self.data}" }}\nmodel {{\n{layers}  layer {{ global_pooling {{}} }}\n'
                       "  layer { dense { units: 5 } }\n}\nbatch: 300 slices: 1 epochs: 1 "
                       "schedule { constant { learning_rate: 0.001 } } reporting { every_steps: 1 }\n")
        self.train(1, "long", job=job)
        speeds = [line["images_per_second"] for line in metrics(self.folder / "long", "train")]
        slice_seconds = 300 / max(speeds)
        self.train(1, "watched", "--set", f"execution.hang_timeout_seconds={slice_seconds / 2}", job=job)

    def test_a_slow_disk_is_a_hang_of_rank_0(self):
        # The second checkpoint takes an hour; before the third, rank 0 waits for it.
        outcome = self.train(2, "slow disk", "--set", "execution.hang_timeout_seconds=2",
                             environment={"LOCKSTEP_FAULT": "file.fsync:3:sleep@0"}, code=86)
        self.assertRegex(outcome.err, r"rank 0[^\n]*\(checkpoint, step")


if __name__ == "__main__":
    unittest.main()
