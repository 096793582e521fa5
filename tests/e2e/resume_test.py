"""Stop it anywhere, resume exactly: by a signal, by a time limit, on another number of ranks."""

import shutil
import signal
import unittest

import sample
from run import lockstep
from training_case import TrainingCase, checkpoints, metrics, steps_done, steps_of, tensors

MOST_STARTS = 20


class ResumeTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_reference()

    def stop(self, out, step, *arguments, ranks=2):
        """Starts a run and asks mpirun to stop it after that step; returns where it stopped. The rest of the run takes
        some milliseconds: when it is done before the signal reaches the ranks, all is put back and it starts again."""
        folder, before = self.folder / out, self.folder / f"{out} before"
        for _ in range(MOST_STARTS):
            shutil.rmtree(before, ignore_errors=True)
            if folder.exists():
                shutil.copytree(folder, before)
            run = self.start(ranks, out, *arguments)
            self.wait_for_step(run, out, step)
            run.process.send_signal(signal.SIGUSR1)
            outcome = run.wait()
            self.assertTrue(run.is_gone())
            if outcome.code != 0:
                break
            shutil.rmtree(folder)
            if before.exists():
                before.rename(folder)
        self.assertEqual(outcome.code, 75, outcome.text)
        self.assertIn("stopped as asked", outcome.err)
        return steps_of(folder)[-1]

    def assert_metrics_are_whole(self, out):
        steps = [line["step"] for line in metrics(self.folder / out, "train")]
        self.assertEqual(steps, list(range(1, sample.STEPS + 1)))
        self.assertEqual([line["epoch"] for line in metrics(self.folder / out, "eval")], [1, 2, 3])

    def test_stop_signal_and_other_numbers_of_ranks(self):
        first = self.stop("signal", 5)
        second = self.stop("signal", first + 3, ranks=4)
        self.assertLess(first, second)
        outcome = self.train(1, "signal")
        self.assertIn(f"resumed at step {second} of {sample.STEPS}", outcome.out)
        self.assert_identical("reference", "signal")
        self.assert_metrics_are_whole("signal")

    def test_metrics_of_steps_done_twice_are_written_once(self):
        run = self.start(2, "killed")
        self.wait_for_step(run, "killed", sample.STEPS_PER_EPOCH + 8)
        run.kill_all()
        run.wait()
        self.train(4, "killed")
        self.assert_metrics_are_whole("killed")
        self.assert_identical("reference", "killed")

    def test_in_bf16(self):
        bf16 = ("--set", "execution.precision=BF16")
        self.train(1, "bf16 undisturbed", *bf16)
        self.stop("bf16", 5, *bf16)
        self.train(4, "bf16", *bf16)
        self.assert_identical("bf16 undisturbed", "bf16")

    def test_a_measured_plan_is_kept(self):
        measured = ("--set", "execution.plan=MEASURED")
        self.stop("measured", 5, *measured)
        first = (self.folder / "measured/job.pbtxt").read_text()
        self.assertRegex(first, r"plan \{\s+forward: WINOGRAD\s+data: (DIRECT|WINOGRAD)\s+weights: WINOGRAD\s+\}")
        self.train(4, "measured", *measured)
        self.assertEqual((self.folder / "measured/job.pbtxt").read_text(), first)

    def test_algorithms_of_another_version_are_kept(self):
        """As of a version that chooses otherwise by shape: the plan is in the job of the run, not in the one given."""
        direct = ("--set", "model.layer[0].convolution.plan={forward: DIRECT data: DIRECT weights: DIRECT}")
        stop = ("--set", "execution.stop_after_epochs=1")
        for out in ("direct", "direct without its job"):
            self.train(1, out, *direct, *stop, code=75)
            stored = self.folder / out / "job.pbtxt"
            first = stored.read_text().partition("optimizer {")[0]
            if out != "direct":
                stored.unlink()
            self.train(2, out)
            self.assertEqual(stored.read_text().partition("optimizer {")[0], first)

    def test_time_limit(self):
        limit = ("--set", "execution.time_limit_seconds=0.05")
        outcome = self.train(2, "limited", *limit, code=75)
        self.assertIn("stopped", outcome.err)
        self.assertLess(steps_of(self.folder / "limited")[-1], sample.STEPS)
        self.train(2, "limited")
        self.assert_identical("reference", "limited")

    def test_a_finished_job_is_done_at_once(self):
        self.train(1, "finished")
        before = tensors(self.final("finished")), steps_of(self.folder / "finished")
        self.train(2, "finished")
        self.assertEqual(before, (tensors(self.final("finished")), steps_of(self.folder / "finished")))
        self.assert_metrics_are_whole("finished")

    def test_checkpoints_by_steps(self):
        self.train(2, "steps", "--set", "checkpoint.every_steps=7", "--set", "checkpoint.keep_last=0")
        expected = set(range(7, sample.STEPS + 1, 7)) | {sample.STEPS_PER_EPOCH * epoch for epoch in (1, 2, 3)}
        self.assertEqual(steps_of(self.folder / "steps"), sorted(expected))
        self.assert_identical("reference", "steps")

    def test_checkpoints_by_seconds(self):
        seldom = ("--set", "checkpoint.every_epochs=0", "--set", "checkpoint.keep_last=0")
        self.train(2, "seldom", *seldom)
        self.assertEqual(steps_of(self.folder / "seldom"), [sample.STEPS])
        self.train(2, "seconds", *seldom, "--set", "checkpoint.every_seconds=0.02")
        self.assertGreater(len(checkpoints(self.folder / "seconds")), 2)
        self.assert_identical("reference", "seconds")

    def test_only_the_last_and_the_best_are_kept(self):
        self.train(2, "kept", "--set", "checkpoint.every_steps=7", "--set", "checkpoint.keep_last=2")
        accuracies = {line["step"]: line["accuracy"] for line in metrics(self.folder / "kept", "eval")}
        best = min(step for step, accuracy in accuracies.items() if accuracy == max(accuracies.values()))
        self.assertEqual(steps_of(self.folder / "kept"), sorted({49, sample.STEPS, best}))

    def test_another_job_is_refused(self):
        self.stop("mine", 3)
        outcome = self.train(2, "mine", "--set", "optimizer.weight_decay=0.001", "--set", "seed=8", code=2)
        for words in ("another job", "optimizer.weight_decay: 0.0005, 0.001", "seed: 7, 8", "another --out"):
            self.assertIn(words, outcome.err)
        # What does not change the weights may differ.
        self.train(2, "mine", "--set", "name=\"other\"", "--set", "checkpoint.keep_last=1")
        self.assert_identical("reference", "mine")

    def test_two_runs_in_one_directory(self):
        run = self.start(2, "busy", "--set", "epochs=1000")
        self.wait_for_step(run, "busy", 2)
        outcome = self.train(1, "busy", "--set", "epochs=1000", code=74)
        self.assertIn("another run is using this directory", outcome.err)
        self.assertIsNone(run.process.poll(), "the first run was disturbed")
        done = steps_done(self.folder / "busy")
        self.wait_for_step(run, "busy", done + 3)

    def test_initial_weights_from_a_checkpoint(self):
        still = ("--set", "schedule.constant.learning_rate=0", "--set", "epochs=1")
        for source in (self.final("reference"), self.folder / "reference"):
            with self.subTest(source=source):
                out = f"from {source.name}"
                self.train(2, out, *still, "--init-from", source)
                theirs, mine = tensors(self.final("reference")), tensors(self.final(out))
                weights = [name for name in mine if name.startswith("parameters/")]
                self.assertEqual(len(weights), 10)
                self.assertTrue(all(mine[name] == theirs[name] for name in weights))
        outcome = lockstep("train", self.job, "--out", self.folder / "nowhere", "--init-from", self.folder / "none.h5")
        self.assertEqual(outcome.code, 3, outcome.text)
        self.assertIn("none.h5", outcome.err)


if __name__ == "__main__":
    unittest.main()
