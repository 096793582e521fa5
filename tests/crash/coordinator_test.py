"""Kills the coordinator and its trials at every fault point and at seeded instants: nothing is lost, nothing differs.

The same sweep is run once undisturbed. In the end every disturbed one has the same trials with the same parameters, results
and decisions, the same final weights, every evaluation once, and never had two attempts of a trial alive.

  coordinator_test.py [--instants N] [--seed N] [--visits N]

The fault points are read from the programs. Negative control: a sweep of another seed must differ.
"""

import argparse
import os
import pathlib
import random
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from coordinator_case import Coordinator, CoordinatorCase  # noqa: E402
from run import BIN, lockstep, wait_until  # noqa: E402

import unittest  # noqa: E402

HALVING = "scheduler { successive_halving { min_epochs: 1 eta: 2 } }"
OPTIONS = argparse.Namespace(instants=4, seed=1, visits=1, trials=4)


def fault_points():
    """Names of the points in the programs, as the linker left them."""
    names = set()
    for program in ("lockstep-serve", "lockstep-shim"):
        names |= set(re.findall(rb"\0((?:serve|shim)\.[a-z_]+)\0", (BIN / program).read_bytes()))
    return sorted(name.decode() for name in names if not name.endswith((b".cc", b".h")))


def decisions(coordinator):
    """What was decided and why, without times and attempts."""
    trials = coordinator.trials()
    return [{key: trial.get(key) for key in ("trial", "state", "assignment", "choice_reason", "evaluation", "value")}
            for trial in trials]


class CoordinatorKillTest(CoordinatorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reference = Coordinator(cls.folder, "reference")
        cls.addClassCleanup(cls.reference.end)
        cls.run_sweep(cls.reference)

    @classmethod
    def write_spec(cls, more=""):
        return cls.spec("killed", trials=OPTIONS.trials, epochs=4, more=HALVING + more)

    @classmethod
    def run_sweep(cls, coordinator, more=""):
        assert coordinator.start(), coordinator.run.output()
        coordinator.sweep("submit", cls.write_spec(more), "--request-id", "once")
        assert wait_until(lambda: coordinator.view()["state"] == "SWEEP_COMPLETED", 120, 0.2), coordinator.log()

    def assert_one_attempt_a_trial(self, coordinator):
        """Of each trial at most one trainer is alive."""
        trials = [re.search(r"trial-(\d+)/job", line).group(1) for line in coordinator.processes("lockstep-train ").values()
                  if "/job.pbtxt" in line]
        self.assertEqual(len(trials), len(set(trials)), coordinator.processes())

    def assert_as_if_nothing_had_happened(self, coordinator):
        self.assertEqual(decisions(coordinator), decisions(self.reference))
        for mine, other in zip(coordinator.trials(), self.reference.trials()):
            final = [sorted(pathlib.Path(trial["directory"], "run/checkpoints").glob("step-*.h5"))[-1] for trial in (mine, other)]
            outcome = lockstep("checkpoint", "diff", *final)
            self.assertEqual(outcome.out.split("\n")[0], "identical", outcome.text)
        coordinator.kill()
        check = lockstep("serve", "--state", coordinator.state, "--check")
        self.assertEqual(check.code, 0, check.text)
        self.assertTrue(coordinator.start(), coordinator.run.output())

    def finish(self, coordinator):
        done = wait_until(lambda: coordinator.is_up() and coordinator.view()["state"] == "SWEEP_COMPLETED", 120, 0.1)
        self.assertTrue(done, f"{coordinator.view() if coordinator.is_up() else coordinator.run.output()}\n{coordinator.log()}")
        self.assert_as_if_nothing_had_happened(coordinator)

    def submit(self, coordinator):
        """As a client does that does not know whether its request arrived: again, with the same id. Returns how often the
        coordinator had to be started again."""
        starts = 0

        def submitted():
            nonlocal starts
            try:
                return coordinator.sweep("submit", self.write_spec(), "--request-id", "once") == "s1\n"
            except AssertionError:
                if not coordinator.is_up():
                    coordinator.start()
                    starts += 1
                return False

        self.assertTrue(wait_until(submitted, 60, 0.1))
        return starts

    def test_at_every_fault_point(self):
        points = fault_points()
        self.assertGreaterEqual(len(points), 7, points)
        for point in points:
            for visit in range(1, OPTIONS.visits + 1):
                with self.subTest(point=point, visit=visit):
                    it = Coordinator(self.folder, f"{point} {visit}")
                    self.addCleanup(it.end)
                    self.assertTrue(it.start({"LOCKSTEP_FAULT": f"{point}:{visit}:kill"}), it.run.output())
                    starts = self.submit(it)
                    if starts > 0:
                        self.assertEqual(starts, 1)
                    elif point.startswith("serve."):
                        self.assertTrue(wait_until(lambda: not it.is_up(), 60, 0.05), "the point was not visited")
                        self.assertTrue(it.start(), it.run.output())
                    elif visit == 1:
                        # Every shim dies there: the trials cannot end before the coordinator is without the fault.
                        self.assertTrue(wait_until(lambda: "failed" in it.sweep("show", "s1") or any(
                            trial["attempts"] > 1 for trial in it.trials()), 30, 0.05), it.log())
                        it.kill()
                        self.assertTrue(it.start(), it.run.output())
                    self.finish(it)
                    it.end()

    def test_at_seeded_instants(self):
        chance = random.Random(OPTIONS.seed)
        for number in range(OPTIONS.instants):
            with self.subTest(number=number):
                it = self.coordinator(f"instant {number}")
                self.submit(it)
                for _ in range(6):
                    time.sleep(chance.uniform(0, 0.5))
                    victim = chance.choice(["serve", "serve", "lockstep-shim", "lockstep-train", "all"])
                    self.assert_one_attempt_a_trial(it)
                    if victim in ("serve", "all"):
                        it.kill()
                    if victim != "serve":
                        for pid in it.processes("" if victim == "all" else victim):
                            try:
                                os.kill(pid, signal.SIGKILL)
                            except ProcessLookupError:
                                pass
                    if victim in ("serve", "all"):
                        time.sleep(chance.uniform(0, 0.2))
                        self.assertTrue(it.start(), it.run.output())
                self.finish(it)
                it.end()

    def test_another_seed_is_seen(self):
        other = Coordinator(self.folder, "other")
        self.addCleanup(other.end)
        self.run_sweep(other, " seed: 2")
        self.assertNotEqual(decisions(other), decisions(self.reference))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instants", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--visits", type=int, default=1)
    parser.add_argument("--trials", type=int, default=4)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
