"""What the tests of whole training runs share: a folder with the sample, runs in it, and how they are compared."""

import json
import pathlib
import shutil
import tempfile
import unittest

import h5py

import sample
from run import BIN, Run, lockstep, mpirun, wait_until


def tensors(path):
    """{name: (shape, bytes)} of every dataset in a checkpoint, as h5py reads it."""
    found = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.update({name: (item.shape, item[()].tobytes())})
                        if isinstance(item, h5py.Dataset) else None)
    return found


def checkpoints(out):
    """The checkpoint files of a run, oldest first."""
    return sorted(pathlib.Path(out, "checkpoints").glob("step-*.h5"))


def steps_of(out):
    return [int(path.stem.partition("-")[2]) for path in checkpoints(out)]


def metrics(out, event):
    """The metrics of one kind; a last line that is still being written is left out."""
    try:
        lines = pathlib.Path(out, "metrics.jsonl").read_text().split("\n")[:-1]
    except FileNotFoundError:
        return []
    return [line for line in map(json.loads, lines) if line["event"] == event]


def steps_done(out):
    return max((line["step"] for line in metrics(out, "train")), default=0)


class TrainingCase(unittest.TestCase):
    """Each class has a folder with data and job; each run ends before its test does."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="lockstep-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.data = sample.write_dataset(cls.folder / "sample.h5")
        cls.job = sample.write_job(cls.folder / "sample.job.pbtxt", cls.data)

    @classmethod
    def make_reference(cls):
        """The undisturbed run on one process."""
        cls.reference = cls.folder / "reference"
        outcome = lockstep("train", cls.job, "--out", cls.reference)
        if outcome.code != 0:
            raise AssertionError(f"the undisturbed run ended with {outcome.code}\n{outcome.text}")

    def start(self, ranks, out, *arguments, job=None, options=(), environment=None):
        run = Run(mpirun(ranks, *options, BIN / "lockstep", "train", job or self.job, "--out", self.folder / out,
                         *arguments), environment)
        self.addCleanup(run.end)
        return run

    def train(self, ranks, out, *arguments, code=0, **how):
        run = self.start(ranks, out, *arguments, **how)
        outcome = run.wait()
        self.assertEqual(outcome.code, code, outcome.text)
        self.assertTrue(run.is_gone(), "processes are left")
        return outcome

    def limited(self, ranks, limits, out, *arguments, job=None, environment=None):
        """The outcome of a training in a shell with such limits; no process is left."""
        command = ["bash", "-c", f'{limits}; exec "$@"', "limited", BIN / "lockstep", "train", job or self.job, "--out",
                   self.folder / out, *arguments]
        run = Run(mpirun(ranks, *command) if ranks > 1 else command, environment)
        self.addCleanup(run.end)
        outcome = run.wait(90)
        self.assertTrue(run.is_gone(), "processes are left")
        return outcome

    def wait_for_step(self, run, out, step):
        seen = wait_until(lambda: steps_done(self.folder / out) >= step or run.process.poll() is not None, 60)
        self.assertTrue(seen and run.process.poll() is None, f"step {step} was not seen\n{run.output()}")

    def final(self, out):
        return checkpoints(self.folder / out)[-1]

    def assert_identical(self, a, b):
        """The final weights of two runs, by our own comparison and by h5py."""
        outcome = lockstep("checkpoint", "diff", self.final(a), self.final(b))
        self.assertEqual((outcome.code, outcome.out.split("\n")[0]), (0, "identical"), outcome.text)
        self.assertTrue(tensors(self.final(a)) == tensors(self.final(b)), f"h5py sees a difference of {a} and {b}")

    def assert_different(self, a, b):
        outcome = lockstep("checkpoint", "diff", self.final(a), self.final(b))
        self.assertEqual((outcome.code, outcome.out.split("\n")[0]), (1, "different"), outcome.text)
        self.assertFalse(tensors(self.final(a)) == tensors(self.final(b)), f"h5py sees {a} and {b} equal")
