"""What the tests of sweeps share: a coordinator in a folder of its own, the command `lockstep sweep`, and the processes
of its trials, which are found by the state directory in their command lines."""

import json
import os
import pathlib
import shutil
import signal
import socket
import tempfile
import unittest

import sample
from run import BIN, Run, wait_until

SPEC = """name: "sample sweep"
job_file: "sample.job.pbtxt"
job { epochs: %(epochs)d %(job)s }
parameter { name: "peak" path: "schedule.one_cycle.peak" float { min: 0.01 max: 0.3 log: true } }
parameter { name: "momentum" path: "optimizer.sgd.momentum" float { min: 0.5 max: 0.95 } }
limits { trials: %(trials)d parallel: 2 }
retries { limit: %(retries)d backoff_seconds: 0.01 lease_seconds: %(lease)g }
ranks: %(ranks)d
%(more)s
"""


def write_spec(path, trials=4, epochs=3, ranks=1, lease=60, retries=100, job="", more=""):
    """`job`: more of the job; `more`: of the sweep."""
    path.write_text(SPEC % {"trials": trials, "epochs": epochs, "ranks": ranks, "lease": lease, "retries": retries,
                            "job": job, "more": more})
    return path


def write_sample(folder):
    """The job that SPEC names, with its data."""
    sample.write_job(folder / "sample.job.pbtxt", sample.write_dataset(folder / "sample.h5", validation=True), clip="")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Coordinator:
    """`lockstep serve` on one state directory; it may be killed and started again."""

    def __init__(self, folder, state, options=()):
        self.folder = folder
        self.options = options
        self.state = folder / state
        self.address = f"127.0.0.1:{free_port()}"  # none: it chooses by itself
        self.environment = {"XDG_RUNTIME_DIR": str(folder / "runtime")}
        self.run = None

    def start(self, environment=None):
        if self.run is not None:
            self.run.wait(10)  # it has ended
        listen = ["--listen", self.address] if self.address else []
        os.makedirs(self.environment["XDG_RUNTIME_DIR"], 0o700, exist_ok=True)
        self.run = Run([BIN / "lockstep", "serve", "--state", self.state, *listen, "--root", self.folder, "--cores", "2",
                        *self.options], {**self.environment, **(environment or {})})
        return wait_until(lambda: "state in" in self.run.output() or self.run.process.poll() is not None, 30)

    def is_up(self):
        return self.run.process.poll() is None

    def kill(self):
        self.run.signal([self.run.process.pid], signal.SIGKILL)
        self.run.process.wait(10)

    def processes(self, program=""):
        """{pid: command line} of what runs for its trials; of one program when it is named."""
        found = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                line = pathlib.Path("/proc", name, "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            is_it = program in ("", pathlib.Path(line.partition("\0")[0]).name)
            if f"{self.state}/sweeps/" in line and is_it:
                found[int(name)] = line.replace("\0", " ")
        return found

    def end(self):
        if self.run is not None:
            self.run.end()
        for _ in range(100):
            for pid in self.processes():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if wait_until(lambda: not self.processes(), 0.2, 0.02):
                return
        raise AssertionError(f"{self.processes()} cannot be killed")

    def begin(self, *arguments):
        """`lockstep sweep`, running."""
        where = ["--server", self.address, "--token-file", self.state / "token"]
        if not self.address or self.address.endswith(":0"):
            where = ["--state", self.state]
        return Run([BIN / "lockstep", "sweep", *where, *arguments], self.environment)

    def sweep(self, *arguments, code=0):
        """The output of `lockstep sweep`."""
        outcome = self.begin(*arguments).wait(60)
        if outcome.code != code:
            raise AssertionError(f"sweep {arguments}: code {outcome.code}\n{outcome.text}\n{self.run.output()}")
        return outcome.out + (outcome.err if code else "")

    def view(self, sweep="s1"):
        return json.loads(self.sweep("show", sweep, "--json"))

    def trials(self, sweep="s1"):
        return json.loads(self.sweep("trials", sweep, "--json")).get("trial", [])

    def log(self):
        return (self.state / "coordinator.log").read_text()


class CoordinatorCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="lockstep-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        write_sample(cls.folder)

    def coordinator(self, state, environment=None, options=()):
        it = Coordinator(self.folder, state, options)
        self.addCleanup(it.end)
        self.assertTrue(it.start(environment), it.run.output())
        return it

    @classmethod
    def spec(cls, name, **options):
        return write_spec(cls.folder / f"{name}.sweep.pbtxt", **options)

    def wait_for(self, coordinator, state, sweep="s1", seconds=120):
        reached = wait_until(lambda: coordinator.view(sweep)["state"] == f"SWEEP_{state}", seconds, 0.2)
        self.assertTrue(reached, f"{coordinator.view(sweep)}\n{coordinator.sweep('trials', sweep)}\n{coordinator.log()}")
