"""A coordinator whose disk is full holds: it starts nothing, says why, answers and collects, and goes on when there is
room: nothing is lost. Should its log not be written it ends, and the next one holds on the room of the reserve.

Needs root, for a small tmpfs.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from disturbed_sweep import HALVING, DisturbedSweep, Requests, Scene  # noqa: E402
from run import wait_until  # noqa: E402
from sweep_outcome import query_log  # noqa: E402
from training_case import steps_of  # noqa: E402

DISK_MEBIBYTES = 64
MOST_REQUESTS = 100
REQUESTS = 5


class FullDiskTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="lockstep-crash-"))
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.scene = Scene(folder, trials=6)
        cls.spec = cls.scene.spec("halving", retries=2, more=HALVING)
        with DisturbedSweep(cls.scene, "undisturbed", cls.spec) as it:
            it.start()
            it.submit()
            cls.reference = it.finish()

    def sweep_on_small_disk(self, name):
        it = DisturbedSweep(self.scene, name, self.spec)
        disk = it.coordinator.state
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MEBIBYTES}m", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk], check=True)
        return it

    def wait_for_an_evaluation(self, it):
        self.assertTrue(wait_until(lambda: any(trial["epoch"] >= 1 for trial in it.coordinator.trials()), 60, 0.05))

    def fill(self, it, mebibytes_left):
        """Takes all room but so much."""
        filler = it.coordinator.state / "filler"
        with filler.open("wb") as file:
            room = os.statvfs(filler)
            os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - (mebibytes_left << 20))
        return filler

    def holding(self, it):
        """Why the coordinator starts nothing; empty: it does."""
        return it.coordinator.view().get("holding", "")

    def assert_holds(self, it, message):
        """What runs comes to its end, people are answered, and nothing is started."""
        self.assertTrue(wait_until(lambda: message in self.holding(it), 60, 0.05), it.coordinator.log())
        self.assertTrue(wait_until(lambda: not it.coordinator.processes(), 120, 0.1), "trials go on and on")
        before = [trial["attempts"] for trial in it.coordinator.trials()]
        it.coordinator.sweep("gc", "s1")
        self.assertIn("holding    nothing is started: ", it.coordinator.sweep("show", "s1"))
        self.assertEqual([trial["attempts"] for trial in it.coordinator.trials()], before)
        self.assertFalse(it.coordinator.processes())

    def end_with_full_log(self, it, trial, step):
        """The coordinator is asked until its log is full. Returns how many requests were acknowledged."""
        acknowledged = 0
        while it.coordinator.is_up() and acknowledged < MOST_REQUESTS:
            try:
                it.coordinator.sweep("pin", "s1", trial["trial"], step, *(["--unpin"] if acknowledged % 2 else []))
                acknowledged += 1
            except AssertionError:
                wait_until(lambda: not it.coordinator.is_up(), 10, 0.05)
        self.assertFalse(it.coordinator.is_up(), "it goes on on a full disk")
        outcome = it.coordinator.run.wait()
        self.assertEqual(outcome.code, 74, outcome.text)
        self.assertIn("database or disk is full", outcome.err)
        self.assertIn("free some space and start again", outcome.err)
        return acknowledged

    def paused_sweep(self, it):
        """With nothing to start, the log alone grows. Returns a trial and its newest step."""
        it.start()
        it.submit()
        self.wait_for_an_evaluation(it)
        it.coordinator.sweep("pause", "s1")
        self.assertTrue(wait_until(lambda: it.coordinator.view()["state"] == "SWEEP_PAUSED", 60, 0.05))
        trial = max(it.coordinator.trials(), key=lambda trial: trial["epoch"])
        return trial, steps_of(pathlib.Path(trial["directory"], "run"))[-1]

    def test_no_room_for_a_trial(self):
        with self.sweep_on_small_disk("trial") as it:
            it.start()
            it.submit()
            self.wait_for_an_evaluation(it)
            filler = self.fill(it, 8)
            requests = Requests(self.scene, it.coordinator)
            for _ in range(REQUESTS):
                requests.begin()
                requests.settle()
            self.assertEqual(len(requests.acknowledged), REQUESTS)
            self.assert_holds(it, "expected at least 16 MiB free to start a trial, got")
            it.coordinator.kill()
            it.start()
            self.assert_holds(it, "expected at least 16 MiB free to start a trial, got")
            filler.unlink()
            requests.check()
            self.assertEqual(it.finish().difference(self.reference), "")

    def test_one_that_was_killed_comes_up_on_a_full_disk(self):
        with self.sweep_on_small_disk("killed") as it:
            self.paused_sweep(it)
            it.coordinator.kill()
            filler = self.fill(it, 0)
            it.start()
            self.assertEqual(it.coordinator.view()["state"], "SWEEP_PAUSED")
            filler.unlink()
            it.coordinator.sweep("resume", "s1")
            self.assertEqual(it.finish().difference(self.reference), "")

    def test_no_room_for_the_log(self):
        with self.sweep_on_small_disk("log") as it:
            trial, step = self.paused_sweep(it)
            filler = self.fill(it, 0)
            acknowledged = self.end_with_full_log(it, trial, step)
            sql = "SELECT count(*) FROM events WHERE kind = 'checkpoint_pinned'"
            self.assertIn(query_log(it.coordinator.state, sql)[0][0], (acknowledged, acknowledged + 1))
            it.start()
            it.coordinator.sweep("pin", "s1", trial["trial"], step, "--unpin")
            it.coordinator.sweep("resume", "s1")
            self.assert_holds(it, "expected at least 24 MiB free to start a trial, got")
            filler.unlink()
            self.assertEqual(it.finish().difference(self.reference), "")
            self.assertTrue((it.coordinator.state / "reserve").exists())

    def test_control_without_the_reserve_it_can_do_nothing(self):
        with self.sweep_on_small_disk("control") as it:
            trial, step = self.paused_sweep(it)
            (it.coordinator.state / "reserve").unlink()
            self.fill(it, 0)
            self.end_with_full_log(it, trial, step)
            it.coordinator.start()
            self.end_with_full_log(it, trial, step)


if __name__ == "__main__":
    unittest.main()
