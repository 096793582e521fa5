"""Kills a run at seeded instants and starts it again on another number of ranks, until it is done: the same bits.

Usage: kill_test.py [--runs N] [--seed N]. Prints what was done to each run, and "N of N"; exit code 1 when one differs.
"""

import argparse
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

import sample
from altered_checkpoint import alter_one_weight
from run import BIN, Run, lockstep, mpirun, wait_until
from training_case import checkpoints, steps_done

RANKS = (1, 2, 4)
# What is trained: the sample's chain, its graph, in part frozen.
SCENES = {"FP32": ("FP32", {}), "BF16": ("BF16", {}),
          "a graph": ("FP32", {"model": sample.GRAPH, "groups": sample.FROZEN})}
KINDS = ("rank", "mpirun", "all", "during a checkpoint")
POINTS = ("open", "write", "fsync", "rename", "fsync_directory")
MOST_ATTEMPTS = 20
CHECKPOINT_EVERY_STEPS = 5


class Scene:
    """A folder with the sample and the undisturbed run of one of SCENES."""

    def __init__(self, folder, name):
        self.name = name
        self.folder = folder / name
        self.folder.mkdir()
        self.precision, contents = SCENES[name]
        self.job = sample.write_job(self.folder / "job.pbtxt", sample.write_dataset(self.folder / "sample.h5"),
                                    **contents)
        outcome = self.start(2, "undisturbed").wait()
        if outcome.code != 0:
            raise SystemExit(f"the undisturbed run ended with {outcome.code}\n{outcome.text}")

    def start(self, ranks, out, environment=None):
        return Run(mpirun(ranks, BIN / "lockstep", "train", self.job, "--out", self.folder / out,
                          "--set", f"checkpoint.every_steps={CHECKPOINT_EVERY_STEPS}",
                          "--set", f"execution.precision={self.precision}"), environment)

    def differs(self, out):
        """What `checkpoint diff` says of the final weights, or nothing when they are identical."""
        a, b = (checkpoints(self.folder / name)[-1] for name in ("undisturbed", out))
        outcome = lockstep("checkpoint", "diff", a, b)
        return "" if outcome.code == 0 and outcome.out.startswith("identical") else outcome.text


class Killer:
    """Ends one attempt at an instant of the generator's choosing."""

    def __init__(self, scene, out, kind, generator):
        self.scene = scene
        self.out = out
        self.kind = kind
        self.random = generator

    def fault(self):
        if self.kind != "during a checkpoint":
            return None
        # The first file that a start writes is the job; on a later start the metrics may follow.
        point, visit = self.random.choice(POINTS), self.random.randint(1, 6)
        return {"LOCKSTEP_FAULT": f"file.{point}:{visit}:kill@0"}

    def attempt(self, ranks):
        """Starts and kills; returns what was done, or nothing when the run was done before."""
        fault = self.fault()
        run = self.scene.start(ranks, self.out, fault)
        try:
            done = f"{ranks} ranks: {fault['LOCKSTEP_FAULT'] if fault else self.kill(run)}"
            if fault:
                run.wait()
            if not run.is_gone(10):
                raise AssertionError(f"{done}: left after 10 s: {run.processes()}\n{run.output()}")
            return done if run.process.returncode != 0 else ""
        finally:
            run.end()

    def kill(self, run):
        """Waits for a chosen step, and a little longer, or for a time early in the start; then kills."""
        if self.random.random() < 0.2:
            delay, where = self.random.uniform(0, 1), "start"
        else:
            last = sample.STEPS - 1
            step = self.random.randint(min(steps_done(self.scene.folder / self.out), last), last)
            wait_until(lambda: steps_done(self.scene.folder / self.out) >= step or run.process.poll() is not None, 60,
                       0.001)
            delay, where = self.random.uniform(0, 0.03), f"step {step}"
        time.sleep(delay)
        return f"kill -9 of {self.strike(run)} {1000 * delay:.0f} ms after {where}"

    def strike(self, run):
        """Kills what the kind says, mpirun when there is no rank yet; returns what it was."""
        ranks = run.ranks()
        if self.kind == "all":
            run.kill_all()
            return "all"
        if self.kind == "mpirun" or not ranks:
            run.signal([run.process.pid], signal.SIGKILL)
            return "mpirun"
        rank = self.random.choice(sorted(ranks))
        run.signal([ranks[rank]], signal.SIGKILL)
        return f"rank {rank}"


def disturbed_run(scene, index, seed):
    """One run, killed at least once; returns what was done to it and how its weights differ."""
    generator = random.Random(1000 * seed + index)
    out = f"run {index}"
    killer = Killer(scene, out, KINDS[index % len(KINDS)], generator)
    history = []
    cycle = generator.randrange(len(RANKS))
    kills_wanted = generator.randint(1, 3)
    for attempt in range(MOST_ATTEMPTS):
        ranks = RANKS[(cycle + attempt) % len(RANKS)]
        if len(history) == kills_wanted:
            outcome = scene.start(ranks, out).wait()
            if outcome.code != 0:
                return history, f"the last start ended with {outcome.code}\n{outcome.text}"
            return history + [f"{ranks} ranks to the end"], scene.differs(out)
        killed = killer.attempt(ranks)
        if killed:
            history.append(killed)
        else:
            shutil.rmtree(scene.folder / out)
            history.clear()
    return history, f"not killed {kills_wanted} times in {MOST_ATTEMPTS} attempts"


def comparison_sees_a_changed_weight(scene):
    """The negative control: a run that resumes from a checkpoint with one altered weight ends in other bits."""
    run = scene.start(2, "altered")
    wait_until(lambda: steps_done(scene.folder / "altered") >= sample.STEPS // 2 or run.process.poll() is not None, 60)
    run.process.send_signal(signal.SIGUSR1)
    stopped = run.wait()
    alter_one_weight(checkpoints(scene.folder / "altered")[-1])
    ended = scene.start(1, "altered").wait()
    if (stopped.code, ended.code) != (75, 0) or "resumed at step" not in ended.out:
        raise SystemExit(f"the negative control ended with {stopped.code} and {ended.code}\n{ended.text}")
    return bool(scene.differs("altered"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    good = 0
    with tempfile.TemporaryDirectory(prefix="lockstep-crash-") as folder:
        scenes = [Scene(pathlib.Path(folder), name) for name in SCENES]
        for index in range(arguments.runs):
            scene = scenes[index % len(scenes)]
            history, difference = disturbed_run(scene, index, arguments.seed)
            good += not difference
            print(f"run {index}, {scene.name}: {'; '.join(history)}: {difference or 'the same bits'}", flush=True)
        red = comparison_sees_a_changed_weight(scenes[0])
    print(f"negative control: a changed weight is {'seen' if red else 'NOT SEEN'}")
    print(f"{good} of {arguments.runs}")
    return 0 if red and good == arguments.runs else 1


if __name__ == "__main__":
    sys.exit(main())
