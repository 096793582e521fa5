"""Watches /proc while a sweep is disturbed: of a trial at most one attempt lives, and an attempt is started once."""

import os
import pathlib
import re
import threading

PERIOD_SECONDS = 0.02


def read(pid, name):
    """A file of a process; nothing when it is gone."""
    try:
        return pathlib.Path("/proc", str(pid), name).read_bytes()
    except OSError:
        return b""


def start_ticks(pid):
    """When a process was started, of its host; nothing when it is gone or a zombie."""
    fields = read(pid, "stat").rpartition(b") ")[2].split()
    return None if not fields or fields[0] in b"ZX" else int(fields[19])


def is_fork(pid, line):
    """Whether its parent is the same program: not started but forked, as a leak checker does to look on from outside."""
    fields = read(pid, "stat").rpartition(b") ")[2].split()
    return bool(fields) and read(int(fields[1]), "cmdline") == line


class AttemptWatcher:
    """A thread that samples the processes of the attempts below `state`."""

    def __init__(self, state, ranks):
        self._pattern = re.compile(re.escape(f"{state}/sweeps/").encode() + rb"(\w+)/trial-(\d+)/attempt-(\d+)")
        self._ranks = ranks
        self._trainers = {}  # attempt -> its ranks so far
        self._end = threading.Event()
        self._faults = set()
        self._samples = 0
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def findings(self):
        """What must not have been; also when it did not look. Requires: it watches."""
        looked = self._thread.is_alive() and bool(self._trainers)
        return sorted(self._faults) + ([] if looked else [f"the watcher saw no trainer in {self._samples} samples"])

    def _watch(self):
        while not self._end.wait(PERIOD_SECONDS):
            self.sample()

    def sample(self):
        """{pid: (sweep, trial, attempt)} of the trainers that live, after a look at all processes."""
        seen = {}  # (sweep, trial) -> [(attempt, pid, start)], in the order of looking
        trainers = {}
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            line = read(pid, "cmdline")
            found = self._pattern.search(line)
            start = start_ticks(pid) if found else None
            if start is None:
                continue
            sweep, trial, attempt = found[1].decode(), int(found[2]), int(found[3])
            self._compare((sweep, trial), seen.setdefault((sweep, trial), []), (attempt, pid, start))
            if line.partition(b"\0")[0].endswith(b"/lockstep-train") and not is_fork(pid, line):
                trainers[pid] = (sweep, trial, attempt)
                self._count((sweep, trial, attempt), (pid, start))
        self._samples += 1
        return trainers

    def _compare(self, trial, others, process):
        """What was seen before and still lives has lived together with this one."""
        for other in others:
            if other[0] != process[0] and start_ticks(other[1]) == other[2]:
                self._faults.add(f"{trial}: attempts {sorted((other[0], process[0]))} were alive at once")
        others.append(process)

    def _count(self, attempt, process):
        ranks = self._trainers.setdefault(attempt, set())
        ranks.add(process)
        if len(ranks) > self._ranks:
            self._faults.add(f"{attempt}: was started more than once: {len(ranks)} ranks")
