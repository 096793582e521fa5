"""What a sweep has come to: all that must not depend on who was killed when."""

import dataclasses
import hashlib
import itertools
import pathlib
import re
import shutil
import sqlite3
import tempfile

from run import lockstep
from training_case import checkpoints, steps_of, tensors

VIEW = ("trial", "state", "assignment", "choice_reason", "evaluation", "value", "value_epoch", "epoch")


def query_log(state, sql):
    """Rows of a coordinator's database. Requires: no coordinator runs. A copy is read, for SQLite changes the file."""
    with tempfile.TemporaryDirectory() as folder:
        for file in pathlib.Path(state).glob("log.sqlite*"):
            shutil.copy(file, folder)
        connection = sqlite3.connect(pathlib.Path(folder, "log.sqlite"))
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


def decisions(state, sweep):
    """(trial, what, why) in order; without what is said of attempts, which failures multiply, of checkpoints, whose
    order among the others depends on when they were reported, and of pauses, which people ask for."""
    found = []
    sql = f"SELECT trial, what, reason FROM decisions WHERE sweep = '{sweep}' ORDER BY trial, revision"
    for trial, what, reason in query_log(state, sql):
        if re.match("TRIAL_(RUNNING|WAITING|PAUSING)|SWEEP_(PAUS|RUNNING)|checkpoint ", what) or \
                re.match(r"attempt \d+:|paused with the sweep", reason):
            continue
        found.append((trial, re.sub(r"attempt \d+", "goes on", what), reason))
    return found


def weights(run):
    """A digest of all tensors in its last checkpoint; attributes there name the number of ranks."""
    content = hashlib.sha256()
    for name, (shape, data) in sorted(tensors(checkpoints(run)[-1]).items()):
        content.update(f"{name} {shape} ".encode() + data)
    return content.hexdigest()


@dataclasses.dataclass
class SweepOutcome:
    trials: list
    weights: list
    checkpoints: list  # that are kept, of each trial
    decisions: list

    def difference(self, expected):
        """The first thing in which it differs; nothing when it does not."""
        for field in dataclasses.fields(self):
            pairs = itertools.zip_longest(getattr(self, field.name), getattr(expected, field.name))
            for index, (mine, other) in enumerate(pairs):
                if mine != other:
                    return f"{field.name}[{index}]: expected {other}, got {mine}"
        return ""


def outcome_of(coordinator, sweep="s1"):
    """Of an ended sweep. Kills the coordinator, and raises when its log is not sound then."""
    trials = coordinator.trials(sweep)
    coordinator.kill()
    check = lockstep("serve", "--state", coordinator.state, "--check")
    if check.code != 0:
        raise AssertionError(check.text)
    runs = [pathlib.Path(trial["directory"], "run") for trial in trials]
    return SweepOutcome(trials=[{key: trial.get(key) for key in VIEW} for trial in trials],
                        weights=[weights(run) for run in runs],
                        checkpoints=[steps_of(run) for run in runs],
                        decisions=decisions(coordinator.state, sweep))
