"""A sweep that is submitted, disturbed, and brought to the end to which an undisturbed one came."""

import json
import os
import signal

from attempt_watcher import AttemptWatcher
from coordinator_case import Coordinator, write_sample, write_spec
from run import wait_until
from sweep_outcome import outcome_of

HALVING = "scheduler { successive_halving { min_epochs: 1 eta: 2 } }"
LIMIT_SECONDS = 400


class Scene:
    """A folder with the sample job, and specs of sweeps of it."""

    def __init__(self, folder, trials):
        self.folder = folder
        self.trials = trials
        write_sample(folder)

    def spec(self, name, **options):
        return write_spec(self.folder / f"{name}.sweep.pbtxt", **{"trials": self.trials, "epochs": 4, **options})


class DisturbedSweep:
    """A coordinator with the sweep s1, watched all the time."""

    def __init__(self, scene, name, spec, ranks=1):
        self.coordinator = Coordinator(scene.folder, name)
        self.spec = spec
        self._is_faulty = False
        self._watcher = AttemptWatcher(self.coordinator.state, ranks)

    def __enter__(self):
        self._watcher.__enter__()
        return self

    def __exit__(self, *_):
        self._watcher.__exit__()
        self.coordinator.end()

    def start(self, environment=None):
        """Starts the coordinator. With a fault it may have died of it when this returns."""
        self._is_faulty = environment is not None
        if not self.coordinator.start(environment) or not (environment or self.coordinator.is_up()):
            raise AssertionError(f"the coordinator does not start\n{self.coordinator.run.output()}")

    def submit(self):
        """As a client does that does not know whether its request arrived: again, with the same id. Returns how often
        the coordinator had to be started again."""
        starts = 0

        def submitted():
            nonlocal starts
            try:
                return self.coordinator.sweep("submit", self.spec, "--request-id", "once") == "s1\n"
            except AssertionError:
                if not self.coordinator.is_up():
                    self.start()
                    starts += 1
                return False

        if not wait_until(submitted, 60, 0.1):
            raise AssertionError(f"the sweep is not taken\n{self.coordinator.run.output()}")
        return starts

    def _ask(self, *arguments):
        """What `lockstep sweep` prints. Nothing when the coordinator died of its fault while it was asked, at whatever time
        that comes: then it is started again without. Its connections end before the process does."""
        try:
            return self.coordinator.sweep(*arguments)
        except AssertionError:
            if not self._is_faulty or not wait_until(lambda: not self.coordinator.is_up(), 10, 0.01):
                raise
            self.start()
            return ""

    def trainers(self):
        """{pid: (sweep, trial, attempt)} of the ranks that live."""
        return self._watcher.sample()

    def kill(self, victim, chance):
        """kill -9 of "serve", "all", "rank" (one of them) or all that run a program. Returns whether there was one."""
        if victim in ("serve", "all"):
            self.coordinator.kill()
        if victim == "serve":
            return True
        program = {"all": "", "rank": "lockstep-train"}.get(victim, victim)
        pids = sorted(self.coordinator.processes(program))
        if victim == "rank" and pids:
            pids = [chance.choice(pids)]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return bool(pids) or victim == "all"

    def is_running(self):
        return self.coordinator.view()["state"] == "SWEEP_RUNNING"

    def finish(self):
        """Waits until every sweep has ended; returns what s1 came to. One that pauses because so many attempts were
        killed goes on, as a person lets it."""
        def ended():
            answer = self._ask("ls", "--json")
            sweeps = json.loads(answer)["sweep"] if answer else []
            for sweep in sweeps:
                if sweep["state"] == "SWEEP_PAUSED":
                    self._ask("resume", sweep["sweep"])
            return answer and all(sweep["state"] == "SWEEP_COMPLETED" for sweep in sweeps)

        if not wait_until(ended, LIMIT_SECONDS, 0.2):
            raise AssertionError(f"{self.coordinator.sweep('trials', 's1')}\n{self.coordinator.log()}")
        outcome = outcome_of(self.coordinator)
        if findings := self._watcher.findings():
            raise AssertionError(f"{findings}\n{self.coordinator.log()}")
        return outcome


class Requests:
    """Small sweeps that a client asks for while the coordinator is killed: what was acknowledged must be there, and
    nothing twice."""

    def __init__(self, scene, coordinator):
        self._spec = scene.spec("small", trials=1, epochs=1)
        self._coordinator = coordinator
        self._pending = None
        self._ids = []
        self.acknowledged = {}

    def begin(self):
        self._ids.append(f"small-{len(self._ids)}")
        self._pending = self._coordinator.begin("submit", self._spec, "--request-id", self._ids[-1])

    def settle(self):
        outcome = self._pending.wait(60)
        if outcome.code == 0:
            self.acknowledged[self._ids[-1]] = outcome.out

    def check(self):
        """Each again: the answer of the first time, a sweep of its own. Requires: the coordinator is up."""
        answers = {request: self._coordinator.sweep("submit", self._spec, "--request-id", request)
                   for request in self._ids}
        wrong = {request: (answer, answers[request]) for request, answer in self.acknowledged.items()
                 if answers[request] != answer}
        if wrong or len(set(answers.values()) | {"s1\n"}) != len(answers) + 1:
            raise AssertionError(f"acknowledged {self.acknowledged}, later {answers}")
        sweeps = json.loads(self._coordinator.sweep("ls", "--json"))["sweep"]
        if len(sweeps) != len(answers) + 1:
            raise AssertionError(f"{len(answers) + 1} requests, {len(sweeps)} sweeps")
