"""A coordinator whose disk is full stops, says why, and goes on when there is room: nothing is lost.

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
MOST_REQUESTS = 50


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

    def assert_ends(self, it, message):
        """By itself, and again when it is started while there is no room."""
        for _ in range(2):
            self.assertTrue(wait_until(lambda: not it.coordinator.is_up(), 60, 0.05), "it goes on on a full disk")
            outcome = it.coordinator.run.wait()
            self.assertEqual(outcome.code, 74, outcome.text)
            self.assertIn(message, outcome.err)
            it.coordinator.start()
        it.coordinator.kill()

    def assert_goes_on(self, it, filler):
        filler.unlink()
        it.start()
        self.assertEqual(it.submit(), 0)

    def test_no_room_for_a_trial(self):
        with self.sweep_on_small_disk("trial") as it:
            it.start()
            it.submit()
            self.wait_for_an_evaluation(it)
            filler = self.fill(it, 8)
            requests = Requests(self.scene, it.coordinator)
            for _ in range(MOST_REQUESTS):
                if it.coordinator.is_up():
                    requests.begin()
                    requests.settle()
            self.assert_ends(it, "expected at least 16 MiB free to start a trial, got")
            self.assert_goes_on(it, filler)
            requests.check()
            self.assertEqual(it.finish().difference(self.reference), "")

    def test_no_room_for_the_log(self):
        with self.sweep_on_small_disk("log") as it:
            it.start()
            it.submit()
            self.wait_for_an_evaluation(it)
            it.coordinator.sweep("pause", "s1")  # with nothing to start, the log alone grows
            self.assertTrue(wait_until(lambda: it.coordinator.view()["state"] == "SWEEP_PAUSED", 60, 0.05))
            trial = max(it.coordinator.trials(), key=lambda trial: trial["epoch"])
            step = steps_of(pathlib.Path(trial["directory"], "run"))[-1]
            filler = self.fill(it, 0)
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
            pins = query_log(it.coordinator.state, "SELECT count(*) FROM events WHERE kind = 'checkpoint_pinned'")[0][0]
            self.assertIn(pins, (acknowledged, acknowledged + 1))
            self.assert_goes_on(it, filler)
            it.coordinator.sweep("pin", "s1", trial["trial"], step, "--unpin")
            it.coordinator.sweep("resume", "s1")
            self.assertEqual(it.finish().difference(self.reference), "")


if __name__ == "__main__":
    unittest.main()
