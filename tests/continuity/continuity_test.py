"""A stored checkpoint goes on with this program as it did with the one that wrote it: with the same bits where
digests.txt has the instruction set and oneDNN's version, else with weights that agree within the fixture's tolerance.
"""

import hashlib
import pathlib
import shutil
import tempfile
import unittest

import h5py
import numpy

import fixtures
from altered_checkpoint import alter_one_weight
from run import BIN, Run
from training_case import tensors

DIGESTS = fixtures.HERE / "digests.txt"
INSTRUCTION_SETS = {"the processor's": {}, "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"}}


def listed():
    """{"FIXTURE INSTRUCTION_SET ONEDNN": digest}."""
    lines = (line.partition("#")[0].rsplit(maxsplit=1) for line in DIGESTS.read_text().splitlines())
    return dict(line for line in lines if line)


def attribute(path, name, group="/"):
    with h5py.File(path, "r") as file:
        value = file[group].attrs[name]
        return value.decode() if isinstance(value, bytes) else value


def digest(path):
    """Of parameters, running statistics and optimizer state."""
    return hashlib.sha256(repr(sorted(tensors(path).items())).encode()).hexdigest()


def farthest(path, reference):
    """(part of the largest value, name) of the tensor of the network that is farthest away from its reference."""
    distances = []
    with h5py.File(path, "r") as file:
        for name, (_, expected) in tensors(reference).items():
            if not name.startswith("optimizer/"):
                expected = numpy.frombuffer(expected, numpy.float32)
                distance = abs(file[name][()].ravel() - expected).max() / (abs(expected).max() or 1)
                distances.append((float(numpy.nan_to_num(distance, nan=numpy.inf)), name))
    return max(distances)


class ContinuityTest(unittest.TestCase):
    def go_on(self, name, environment, change=lambda checkpoint: None):
        """The last checkpoint of a run that began with the stored one."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="lockstep-test-"))
        self.addCleanup(shutil.rmtree, folder)
        job, _, _ = fixtures.FIXTURES[name]
        rows, stored_job, out = folder / f"{job}.h5", folder / "stored.job.pbtxt", folder / "out"
        fixtures.write_rows(rows, job)
        before, after = (out / "checkpoints" / fixtures.checkpoint_name(epochs) for epochs in (1, 2))
        before.parent.mkdir(parents=True)
        shutil.copyfile(fixtures.HERE / f"{name}.before.h5", before)
        change(before)
        stored_job.write_text(attribute(before, "job"))
        run = Run([BIN / "lockstep", "train", stored_job, "--out", out, "--set", f"data.path={rows}"], environment)
        self.addCleanup(run.end)
        outcome = run.wait()
        self.assertEqual(outcome.code, 0, outcome.text)
        self.assertIn(f"resumed at step {fixtures.STEPS_OF_AN_EPOCH} of", outcome.out)
        self.assertEqual(attribute(after, "job").replace(str(rows), rows.name), stored_job.read_text())
        return after

    def test_goes_on_as_before(self):
        known = listed()
        for name, (_, _, tolerance) in fixtures.FIXTURES.items():
            for instruction_set, environment in INSTRUCTION_SETS.items():
                with self.subTest(name, instruction_set=instruction_set):
                    after = self.go_on(name, environment)
                    key = " ".join([name, *(attribute(after, fact, "facts")
                                            for fact in ("instruction_set", "onednn_version"))])
                    line = f"{key} {digest(after)}"
                    distance, tensor = farthest(after, fixtures.HERE / f"{name}.after.h5")
                    found = f"{line}\nfrom {name}.after.h5 it is away by {distance:.1e}, at most in {tensor}"
                    self.assertLess(distance, tolerance, f"other weights: {found}")
                    if key in known:
                        self.assertEqual(digest(after), known[key], f"other bits; digests.txt would have\n{found}")
                    else:
                        print(f"not in digests.txt: {found}")

    def test_one_bit_is_seen(self):
        """The control: one weight moved to the next float before the run goes on."""
        self.assertNotEqual(digest(self.go_on("chain_fp32", {}, alter_one_weight)),
                            digest(self.go_on("chain_fp32", {})))


if __name__ == "__main__":
    unittest.main()
