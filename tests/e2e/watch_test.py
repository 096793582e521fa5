"""`lockstep sweep watch` and `logs -f`: every event once over the death of the coordinator; a table on a terminal."""

import json
import os
import pty
import subprocess
import unittest

from coordinator_case import CoordinatorCase
from run import BIN, Run, wait_until


class WatchTest(CoordinatorCase):
    def follow(self, coordinator, *arguments):
        run = Run([BIN / "lockstep", "sweep", "--server", coordinator.address, "--token-file", coordinator.state / "token",
                   *arguments])
        self.addCleanup(run.end)
        return run

    def test_no_event_is_missed_or_told_twice(self):
        it = self.coordinator("killed")
        it.sweep("submit", self.spec("killed", trials=2, epochs=100))
        watch = self.follow(it, "watch", "s1", "--json")
        self.assertTrue(wait_until(lambda: any(trial["epoch"] >= 1 for trial in it.trials()), 60, 0.05))
        it.kill()
        self.assertTrue(it.start(), it.run.output())
        self.wait_for(it, "COMPLETED")
        outcome = watch.wait(60)
        self.assertEqual(outcome.code, 0, outcome.text)
        revisions = [int(json.loads(line)["revision"]) for line in outcome.out.splitlines()]
        self.assertEqual(revisions, list(range(1, int(it.view()["revision"]) + 1)))

    def test_logs_go_on_with_the_next_attempt(self):
        it = self.coordinator("logs")
        it.sweep("submit", self.spec("logs", trials=1, epochs=100))
        self.assertTrue(wait_until(lambda: any(trial["epoch"] >= 1 for trial in it.trials()), 60, 0.05))
        logs = self.follow(it, "logs", "s1", "0", "-f")
        it.sweep("pause", "s1")
        self.wait_for(it, "PAUSED")
        it.sweep("resume", "s1")
        self.wait_for(it, "COMPLETED")
        outcome = logs.wait(60)
        self.assertEqual(outcome.code, 0, outcome.text)
        self.assertEqual(it.trials()[0]["attempts"], 2)
        self.assertIn("stopped", outcome.out)
        self.assertIn("epoch 100/100", outcome.out)

    def test_a_terminal_shows_a_table_that_fits(self):
        it = self.coordinator("terminal")
        more = "scheduler { hyperband {} }"
        it.sweep("submit", self.spec("terminal", trials=6, epochs=9, more=more))
        master, slave = pty.openpty()
        rows = 12  # what is said of the sweep, the heads of the columns, and not all of its six trials
        subprocess.run(["stty", "rows", str(rows), "cols", "60"], stdin=slave, check=True)
        watch = subprocess.Popen([BIN / "lockstep", "sweep", "--server", it.address, "--token-file", it.state / "token",
                                  "watch", "s1"], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave)
        os.close(slave)
        shown = b""
        try:
            while piece := os.read(master, 65536):
                shown += piece
        except OSError:  # its end
            pass
        os.close(master)
        self.assertEqual(watch.wait(60), 0, shown)
        frames = shown.decode().replace("\r", "").split("\x1b[J")
        self.assertGreater(len(frames), 2)
        for frame in frames:
            lines = frame.split("\x1b[")[0].split("\n")
            self.assertLessEqual(len(lines), rows, frame)
            self.assertLessEqual(max(map(len, lines)), 60, frame)
        for word in ("rung", "trials", "cores", "best", "running", "..."):
            self.assertIn(word, shown.decode())
        self.assertIn("completed", frames[-1])
        self.assertIn("2 of 2 in use", shown.decode())


if __name__ == "__main__":
    unittest.main()
