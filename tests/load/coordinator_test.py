"""The coordinator under load: trials that cost nothing, a store full of trials, points as fast as they are taken.

  coordinator_test.py [--trials N] [--stored N] [--points N]

Times and memory are printed, and not judged: the test is whether everything arrived, once.
"""

import argparse
import contextlib
import os
import pathlib
import pty
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from coordinator_case import CoordinatorCase  # noqa: E402
from run import BIN, lockstep, wait_until  # noqa: E402

OPTIONS = argparse.Namespace(trials=40, stored=100, points=20_000)
NOTHING = "/bin/true"
# Three evaluations, as the metrics file of a training holds them; its arguments are those of lockstep train.
EVALUATING = """#!/bin/sh
mkdir -p "$3"
for epoch in 1 2 3; do
  echo "{\\"event\\":\\"eval\\",\\"step\\":$epoch,\\"epoch\\":$epoch,\\"loss\\":0.5,\\"accuracy\\":0.$$}"
done > "$3/metrics.jsonl"
"""
REPORTING = pathlib.Path(os.environ["LOCKSTEP_BUILD"], "tests/reporting_trainer").resolve()


def milliseconds(action, times):
    """The median time of an action."""
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        action()
        spent.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(spent)


def run_alone(program):
    os.waitpid(os.posix_spawn(program, [program], os.environ), 0)


def resident_megabytes(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1e3


class CoordinatorLoadTest(CoordinatorCase):
    def train(self, name, trainer, trials, epochs, look=lambda it: None, state="TRIAL_COMPLETED"):
        """A coordinator whose sweep has completed, each trial in `state`; `look` is called every half second until then."""
        it = self.coordinator(name, options=("--trainer", trainer))
        it.sweep("submit", self.spec(name, trials=trials, epochs=epochs))

        def completed():
            look(it)
            return it.view()["state"] == "SWEEP_COMPLETED"

        self.assertTrue(wait_until(completed, 60 + trials / 10, 0.5), it.view())
        trials = it.trials()
        self.assertEqual({(trial["state"], trial["attempts"]) for trial in trials}, {(state, 1)})
        return it

    def test_trials_that_do_nothing(self):
        it = self.train("nothing", NOTHING, OPTIONS.trials, 1, state="TRIAL_FAILED")  # for it evaluates nothing
        view = it.view()
        self.assertEqual(view["count"], [{"state": "TRIAL_FAILED", "trials": OPTIONS.trials}])
        slot = 2 * (int(view["ended_ms"]) - int(view["submitted_ms"])) / OPTIONS.trials
        alone = milliseconds(lambda: run_alone(NOTHING), 200)
        print(f"{OPTIONS.trials} trials of {NOTHING} on 2 slots: {slot:.1f} ms of a slot each, {alone:.1f} alone: "
              f"{slot - alone:.1f} ms lost")

    def test_a_store_full_of_trials_answers(self):
        evaluating = self.folder / "evaluating"
        evaluating.write_text(EVALUATING)
        evaluating.chmod(0o755)
        it = self.train("stored", evaluating, OPTIONS.stored, 3)
        trials = it.trials()
        self.assertEqual([len(trial["evaluation"]) for trial in trials], OPTIONS.stored * [3])
        for verb in (["ls"], ["show", "s1"], ["best", "s1"], ["trials", "s1"]):
            print(f"{OPTIONS.stored} trials: sweep {verb[0]} answers in {milliseconds(lambda: it.sweep(*verb), 9):.0f} ms")
        print(f"{OPTIONS.stored} trials: sweep watch shows its first line after "
              f"{milliseconds(lambda: self.first_line(it, subprocess.PIPE), 5):.0f} ms, its table after "
              f"{milliseconds(lambda: self.first_table(it), 5):.0f} ms")
        it.kill()
        begin = time.perf_counter()
        self.assertTrue(it.start(), it.run.output())
        print(f"{OPTIONS.stored} trials: a coordinator is up again after {time.perf_counter() - begin:.2f} s")
        self.assertEqual(it.trials(), trials)

    def watch(self, it, output):
        return subprocess.Popen([BIN / "lockstep", "sweep", "--server", it.address, "--token-file", it.state / "token",
                                 "watch", "s1"], stdout=output, stdin=subprocess.DEVNULL)

    def first_line(self, it, output):
        with self.watch(it, output) as process:
            self.assertIn("submitted", process.stdout.readline().decode())
            process.kill()

    def first_table(self, it):
        terminal, end = pty.openpty()
        with self.watch(it, end) as process:
            os.close(end)
            self.assertTrue(os.read(terminal, 1 << 16).startswith(b"s1 "))
            process.kill()
        os.close(terminal)

    def test_points_are_all_there_and_memory_is_flat(self):
        memory = []
        epochs = OPTIONS.points // 2000
        it = self.train("points", REPORTING, 2, epochs, lambda it: memory.append(resident_megabytes(it.run.process.pid)))
        seconds = max(float(re.search(r"([\d.]+) seconds", it.sweep("logs", "s1", trial)).group(1)) for trial in (0, 1))
        print(f"{OPTIONS.points} points of two trials in {seconds:.1f} s: {OPTIONS.points / seconds:.0f} a second; memory "
              f"{memory[1]:.1f} MB at the start, {memory[len(memory) // 2]:.1f} in the middle, {memory[-1]:.1f} at the end")
        it.run.signal([it.run.process.pid], signal.SIGTERM)
        self.assertEqual(it.run.wait(30).code, 0)
        with contextlib.closing(sqlite3.connect(it.state / "log.sqlite")) as store:
            found = store.execute("SELECT trial, count(*), max(step) FROM points GROUP BY trial").fetchall()
        self.assertEqual(found, [(trial, epochs * 1000, epochs * 1000) for trial in (0, 1)])
        check = lockstep("serve", "--state", it.state, "--check")
        self.assertEqual(check.code, 0, check.text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in vars(OPTIONS).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
