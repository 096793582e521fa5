"""/dev/shm, or the place for temporary files, is too small: said in words, no mpirun that hangs. Needs root, for name
spaces of mounts."""

import pathlib
import subprocess
import unittest

from run import BIN, Run
from training_case import TrainingCase

MODEL = """model { layer { flatten {} } layer { dense { units: 27000 } } layer { relu {} } layer { dense { units: 5 } } }
batch: 32 slices: 4 epochs: 1 seed: 7 schedule { constant { learning_rate: 0.05 } }
"""


class SmallDisksTest(TrainingCase):
    def train_with(self, size, place, *arguments, environment=None, job=None):
        out = f"{size} {place.name}"
        flags = subprocess.run([BIN / "lockstep-mpirun-flags", "--unbound", "2"], check=True, capture_output=True,
                               text=True).stdout
        run = Run(["unshare", "--mount", "bash", "-c", f'mount -t tmpfs -o size={size} tmpfs "{place}" && exec "$@"', "small",
                   "mpirun", *flags.split(), "-n", 2, BIN / "lockstep", "train", job or self.job, "--out",
                   self.folder / out, *arguments], environment)
        self.addCleanup(run.end)
        outcome = run.wait(60)
        self.assertTrue(run.is_gone(), "processes are left")
        return outcome

    def test_shared_memory(self):
        shm = pathlib.Path("/dev/shm")
        outcome = self.train_with("64k", shm)
        self.assertEqual(outcome.code, 69, outcome.text)
        self.assertIn("make /dev/shm larger", outcome.err)
        # A network of 16 MB where there are 24: its gradients on two ranks and its parameters are 48.
        large = self.folder / "shared.job.pbtxt"
        large.write_text(f'data {{ path: "{self.data}" }}\n' + MODEL)
        outcome = self.train_with("24m", shm, job=large)
        self.assertEqual(outcome.code, 69, outcome.text)
        self.assertRegex(outcome.err, r"/dev/shm: the ranks of this host share [\d.]+ MB: expected so much to be free")
        self.assertEqual(self.train_with("25m", shm, "--set", "execution.shared_memory=false", job=large).code, 0)
        self.assertEqual(self.train_with("64m", shm, job=large).code, 0)

    def test_temporary_files(self):
        place = self.folder / "temporary"
        place.mkdir()
        for size, code in (("64k", 69), ("1m", 69), ("4m", 69), ("8m", 69), ("32m", 0)):
            with self.subTest(size):
                outcome = self.train_with(size, place, environment={"TMPDIR": str(place)})
                self.assertEqual(outcome.code, code, outcome.text)
                if code != 0:
                    self.assertIn("mpirun needs room for temporary files", outcome.err)


if __name__ == "__main__":
    unittest.main()
