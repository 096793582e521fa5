"""Starts the programs as a user does, watches their processes and ends them.

Every process of a run carries a mark in its environment and is found by it, so that nothing else is ever touched.
"""

import dataclasses
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import uuid

BIN = pathlib.Path(os.environ["LOCKSTEP_BIN"])
MPIRUN_FLAGS = os.environ["LOCKSTEP_MPIRUN_FLAGS"]
# How many times slower the programs are than optimized ones: under a sanitizer.
PATIENCE = int(os.environ.get("LOCKSTEP_PATIENCE", "1"))
MARK = "LOCKSTEP_TEST_RUN"


@dataclasses.dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def text(self):
        return self.out + self.err


def wait_until(condition, limit_seconds, interval_seconds=0.005):
    """Whether the condition came true within the limit."""
    deadline = time.monotonic() + limit_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval_seconds)
    return True


def environment_of(pid):
    """The environment a process was started with; empty for a zombie, or one that is not ours to read."""
    try:
        entries = pathlib.Path("/proc", str(pid), "environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(entry.decode(errors="replace").partition("=")[::2] for entry in entries if b"=" in entry)


class Run:
    """One command in a session of its own, with all that it starts."""

    def __init__(self, command, environment=None):
        self.mark = uuid.uuid4().hex
        self._outcome = None
        self._out = tempfile.TemporaryFile()
        self._err = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err,
            start_new_session=True, env={**os.environ, **(environment or {}), MARK: self.mark})

    def processes(self):
        """{pid: environment} of all that are alive."""
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        return {pid: environment for pid in pids if (environment := environment_of(pid)).get(MARK) == self.mark}

    def ranks(self):
        """{rank: pid} of the ranks that are alive."""
        return {int(environment["OMPI_COMM_WORLD_RANK"]): pid for pid, environment in self.processes().items()
                if "OMPI_COMM_WORLD_RANK" in environment}

    def signal(self, pids, number):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def kill_all(self):
        self.signal(self.processes(), signal.SIGKILL)

    def is_gone(self, limit_seconds=10):
        """Whether no process of the run is left, waiting at most so long."""
        return wait_until(lambda: self.process.poll() is not None and not self.processes(), limit_seconds, 0.05)

    def end(self):
        for _ in range(100):
            self.kill_all()
            if self.is_gone(0.2):
                self._finish()
                return
        raise AssertionError(f"processes {list(self.processes())} cannot be killed")

    def _text(self, stream):
        stream.seek(0)
        return stream.read().decode(errors="replace")

    def _finish(self):
        if self._outcome is None:
            self._outcome = Outcome(self.process.returncode, self._text(self._out), self._text(self._err))
            self._out.close()
            self._err.close()
        return self._outcome

    def output(self):
        return self._outcome.text if self._outcome else self._text(self._out) + self._text(self._err)

    def wait(self, limit_seconds=120):
        limit_seconds *= PATIENCE
        try:
            self.process.wait(limit_seconds)
        except subprocess.TimeoutExpired:
            self.end()
            raise AssertionError(f"{self.process.args}: still running after {limit_seconds} s\n{self.output()}")
        return self._finish()


def mpirun(ranks, *words):
    """The command that starts so many ranks of a program here; `words` are further options, program and arguments."""
    flags = subprocess.run([MPIRUN_FLAGS, "--unbound", str(ranks)], check=True, capture_output=True, text=True).stdout
    return ["mpirun", *flags.split(), "-n", ranks, *words]


def lockstep(*arguments, program=BIN / "lockstep", limit_seconds=120):
    """The outcome of a lockstep command without mpirun."""
    return Run([program, *arguments]).wait(limit_seconds)
