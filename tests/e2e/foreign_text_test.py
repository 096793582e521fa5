"""Text of others: names of jobs that become directories, names of classes and paths that reach a terminal and JSON, jobs
as other systems write them."""

import json
import os
import pathlib
import re
import subprocess
import unittest

import h5py
import numpy

import sample
from run import Run, BIN, lockstep
from training_case import TrainingCase, checkpoints

# What a terminal acts on, in bytes: C0 but line feeds and tabs, DEL, C1 in UTF-8, marks that turn the direction.
ACTED_ON = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]")
NAMES = {
    "latin1": [b"Z\xfcrich", b"K\xf6ln", b"caf\xe9", b"\xc5", b"b"],
    "acted_on": [b"a\x1b[31mred", b"b\nsecond line", b"c\ttab", b"d\x07", "e\u009b31m\u202e".encode()],
    "utf8": ["\u732b\u732b\u732b\u732b".encode(), "na\u00efve".encode(), "\U0001F436 dog".encode(), b"lines", b"x" * 300],
}


class JobNamesTest(TrainingCase):
    def run_in(self, cwd, job):
        """`lockstep train JOB` in a directory, and the run directories that are there afterwards and were not before."""
        before = set(self.folder.rglob("checkpoints"))
        command = ["sh", "-c", 'cd "$0" && exec "$@"', cwd, BIN / "lockstep", "train", job, "--set", "epochs=1",
                   "--set", "schedule.one_cycle.warm_up_epochs=0.5"]
        outcome = Run(command).wait()
        return outcome, [path.parent for path in set(self.folder.rglob("checkpoints")) - before]

    def named(self, name):
        path = self.folder / "named.pbtxt"
        path.write_text(self.job.read_text().replace('name: "sample"', f"name: {json.dumps(name, ensure_ascii=False)}"))
        return path

    def test_each_name_has_a_directory_of_its_own(self):
        cwd = self.folder / "own"
        cwd.mkdir()
        for name in ("lr0.1", "lr0.01", "v1.5-a", "v1.5-b", ".hidden", "two words", "na\u00efve \u732b", "-dash", "n" * 255):
            outcome, made = self.run_in(cwd, self.named(name))
            self.assertEqual((outcome.code, made), (0, [cwd / "runs" / name]), outcome.text)

    def test_names_that_are_none(self):
        cwd = self.folder / "none"
        cwd.mkdir()
        for name in ("a/b", "../escaped", "/tmp/escaped", "..", ".", "n" * 256, "x\ny", "a\x1bb", "\u202etxt", "a\u009bb"):
            outcome, made = self.run_in(cwd, self.named(name))
            self.assertEqual((outcome.code, made), (2, []), outcome.text)
            self.assertIn("named.pbtxt:1: name: ", outcome.err)
            self.assertNotRegex(outcome.err.encode(), ACTED_ON)
        self.assertEqual(list(cwd.rglob("*")), [])
        # With an --out it is not a path, and only shown.
        outcome = lockstep("train", self.named("a/\x1bb"), "--out", self.folder / "out", "--set", "epochs=1", "--set",
                           "schedule.one_cycle.warm_up_epochs=0.5")
        self.assertEqual(outcome.code, 0, outcome.text)
        self.assertIn("a/\\x1bb: 600 rows", outcome.out)

    def test_without_a_name_the_file_gives_it(self):
        for file, directory in (("lr0.1.job.pbtxt", "lr0.1"), ("lr0.01.pbtxt", "lr0.01"), ("plain", "plain")):
            job = self.folder / file
            job.write_text(self.job.read_text().replace('name: "sample"', ""))
            cwd = self.folder / f"of {directory}"
            cwd.mkdir()
            outcome, made = self.run_in(cwd, job)
            self.assertEqual((outcome.code, made), (0, [cwd / "runs" / directory]), outcome.text)


class OthersTextTest(TrainingCase):
    def shown(self, *arguments, code=0):
        """Bytes of both outputs of a command: text that a terminal does not act on."""
        outcome = subprocess.run([BIN / "lockstep", *arguments], env={**os.environ, "LC_ALL": "C"}, timeout=120,
                                 capture_output=True, check=False)
        self.assertEqual(outcome.returncode, code, outcome.stdout + outcome.stderr)
        for text in (outcome.stdout, outcome.stderr):
            text.decode()
            self.assertNotRegex(text, ACTED_ON)
        return outcome.stdout.decode()

    def test_names_of_classes(self):
        for kind, names in NAMES.items():
            path = sample.write_dataset(self.folder / f"{kind}.h5")
            with h5py.File(path, "a") as file:
                file.attrs["class_names"] = numpy.array(names, "S")
            job = sample.write_job(self.folder / f"{kind}.pbtxt", path)
            out = self.folder / kind
            self.shown("train", job, "--out", out, "--set", "epochs=1", "--set", "schedule.one_cycle.warm_up_epochs=0.5")
            newest = checkpoints(out)[-1]
            table = self.shown("eval", "--checkpoint", out)
            if kind == "latin1":
                self.assertIn("Z\\xfcrich", table)
            for command in (("eval", "--checkpoint", out, "--json"), ("data", "info", path, "--json"),
                            ("checkpoint", "show", newest, "--json"), ("checkpoint", "ls", out, "--json"),
                            ("checkpoint", "diff", newest, newest, "--json")):
                json.loads(self.shown(*command))
            for command in (("data", "info", path), ("checkpoint", "show", newest), ("checkpoint", "ls", out),
                            ("checkpoint", "show", newest, "--job"), ("checkpoint", "verify", out)):
                self.shown(*command)
            self.assertNotRegex((out / "log.txt").read_bytes(), ACTED_ON)

    def test_columns_of_wide_names(self):
        path = sample.write_dataset(self.folder / "wide.h5")
        with h5py.File(path, "a") as file:
            file.attrs["class_names"] = numpy.array(NAMES["utf8"][:4] + [b"e"], "S")
        lines = lockstep("data", "info", path).out.split("\n")
        head = next(i for i, line in enumerate(lines) if line.startswith("  class"))
        column = lines[head].index("rows")

        def place(line):  # of the number of rows, in columns
            return sum(2 if ord(c) > 0x2000 else 1 for c in line[:line.rindex(" ") + 1])
        self.assertEqual({place(line) for line in lines[head + 1:head + 6]}, {column})

    def test_paths_and_arguments(self):
        folder = self.folder / "a\x1b[31m\udcff"
        folder.mkdir()
        path = sample.write_dataset(folder / "d.h5")
        self.shown("data", "info", path)
        json.loads(self.shown("data", "info", path, "--json"))
        for command, code in ((("data", "info", folder / "none.h5"), 3), (("eval", "--checkpoint", folder), 3),
                              (("train", folder / "none.pbtxt"), 2), (("checkpoint", "ls", folder), 3),
                              (("model", "show", folder / "none"), 2), (("bench", "--model", folder), 2),
                              (("\x1b[31m",), 2), (("train", "--\x1b[31m"), 2),
                              (("train", self.job, "--set", "epo\x1bchs=3"), 2),
                              (("train", self.job, "--set", "data.path=none\x9b\x07.h5"), 3)):
            self.shown(*command, code=code)

    def test_paths_in_json(self):
        out = self.folder / "run\x1b\udcfc"
        lockstep("train", self.job, "--out", out, "--set", "epochs=1", "--set", "schedule.one_cycle.warm_up_epochs=0.5")
        report = json.loads(self.shown("eval", "--checkpoint", out, "--json"))
        self.assertIn("run\x1b\ufffd", report["checkpoint"])


class OtherSystemsTest(TrainingCase):
    short = ("--set", "schedule.one_cycle.warm_up_epochs=0.5")

    def test_numbers_with_leading_zeros(self):
        outcome = self.train(1, "octal", "--set", "epochs=010", code=2)
        self.assertIn("--set: epochs: expected an integer without leading zeros, got 010", outcome.err)
        for arguments in (("bench", "--model", "lenet", "--batch", "016"), ("sweep", "plan", self.job, "--suggestions", "010")):
            outcome = lockstep(*arguments)
            self.assertEqual(outcome.code, 2, outcome.text)
            self.assertIn("without leading zeros", outcome.err)

    def test_values_that_are_empty(self):
        """As of a variable that a script has not set: not the default."""
        for option in ("--out", "--init-from", "--set", "--attempt"):
            outcome = lockstep("train", self.job, option, "")
            self.assertEqual(outcome.code, 2, outcome.text)
            self.assertIn(f"{option}: expected a value, got an empty text", outcome.err)
        outcome = lockstep("sweep", "ls", "--server=")
        self.assertEqual(outcome.code, 2, outcome.text)

    def test_a_job_of_windows(self):
        job = self.folder / "windows.pbtxt"
        job.write_bytes(b"\xef\xbb\xbf" + self.job.read_bytes().replace(b"\n", b"\r\n"))
        self.train(1, "windows", "--set", "epochs=1", *self.short, job=job)
        job.write_text(self.job.read_text(), "utf-16")
        self.assertIn("UTF-16", self.train(1, "utf16", job=job, code=2).err)

    def test_srun_without_process_management(self):
        command = [BIN / "lockstep", "train", self.job, "--out", self.folder / "lone", "--set", "epochs=1", *self.short]
        for tasks in ({"SLURM_NTASKS": "2", "SLURM_PROCID": "1"}, {"SLURM_STEP_NUM_TASKS": "2", "SLURM_NTASKS": "2"}):
            outcome = Run(command, tasks).wait()
            self.assertEqual(outcome.code, 2, outcome.text)
            self.assertIn("mpirun, or srun --mpi=pmix", outcome.err)
        self.assertEqual(checkpoints(self.folder / "lone"), [])
        self.assertEqual(Run(command, {"SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "2"}).wait().code, 0)
        outcome = self.start(1, "by mpirun", "--set", "epochs=1", *self.short,
                             environment={"SLURM_NTASKS": "2"}).wait()
        self.assertEqual(outcome.code, 0, outcome.text)

    def test_eval_of_data_that_have_moved(self):
        path = sample.write_dataset(self.folder / "here.h5")
        self.train(1, "moved", "--set", "epochs=1", *self.short, "--set", f'data.path="{path}"')
        there = path.rename(self.folder / "there.h5")
        outcome = lockstep("eval", "--checkpoint", self.folder / "moved")
        self.assertEqual(outcome.code, 3, outcome.text)
        self.assertIn("--data", outcome.err)
        self.assertEqual(lockstep("eval", "--checkpoint", self.folder / "moved", "--data", there).code, 0)

    def test_types_and_filters_by_name(self):
        def written(**how):
            with h5py.File(self.folder / "odd.h5", "w") as file:
                file.create_dataset("train/images", **how)
                file["train/labels"] = numpy.zeros(8, int)
            return lockstep("data", "info", self.folder / "odd.h5")
        pixels = numpy.zeros((8, 4, 4, 1), "u1")
        for how, words in (({"data": pixels, "compression": "lzf", "chunks": (8, 4, 4, 1)}, "filter lzf"),
                           ({"data": pixels, "scaleoffset": 0, "chunks": (8, 4, 4, 1)}, "filter scaleoffset"),
                           ({"data": pixels > 0}, "enumeration, as h5py stores bool"),
                           ({"data": pixels.astype("c8")}, "compound"), ({"data": pixels.astype("S3")}, "string"),
                           ({"data": pixels.astype("f2")}, "float16")):
            outcome = written(**how)
            self.assertEqual(outcome.code, 3)
            self.assertIn(words, outcome.err)


if __name__ == "__main__":
    unittest.main()
