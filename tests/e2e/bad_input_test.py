"""Bad input: each with the exit code of its kind and a message that says what, where and what to do."""

import os
import pathlib
import signal
import time
import unittest

import numpy

import sample
from run import BIN, Run, lockstep, mpirun, wait_until
from training_case import TrainingCase, checkpoints

TEN_FAULTS = """name: "ten"
data { path: "%s" augmentation { random_crop { pading: 1 } } }
model {
  layer { convolution { filters: 0 kernel: 3 } }
  layer { convolution { filters: 4 } }
  layer { dropout { rate: 1.5 } }
  layer { dense { units: "five" } }
}
batch: -32
slices: 0
epoch: 3
optimizer { sgd { momentum: 1 } }
schedule { cosine { learning_rte: 0.1 } }
"""
# Each with the words that the one message has for it: the line, the field, what is wrong.
FAULTS_OF_TEN = ('ten.pbtxt:2: data.augmentation.random_crop: no field "pading" in RandomCrop; nearest: "padding"', "ten.pbtxt:4: model.layer[0].convolution.filters",
                 "ten.pbtxt:5: model.layer[1].convolution.kernel", "ten.pbtxt:6: model.layer[2].dropout.rate",
                 "ten.pbtxt:7: model.layer[3].dense.units", "ten.pbtxt:9: batch", "ten.pbtxt:10: slices",
                 'ten.pbtxt:11: no field "epoch" in Job; nearest: "epochs"', "ten.pbtxt:12: optimizer.sgd.momentum",
                 'ten.pbtxt:13: schedule.cosine: no field "learning_rte"')


def with_label(value):
    def change(images, labels):
        labels[123] = value
        return images, labels
    return change


def with_nan(images, labels):
    images = images.astype(numpy.float32) / 255  # of the scale that the uint8 of the test split count as
    images[(17, 300), 5, 5, 0] = numpy.nan
    return images, labels


def names_of(run):
    """What the processes of a run are called."""
    names = set()
    for pid in run.processes():
        try:
            names.add(pathlib.Path("/proc", str(pid), "comm").read_text().strip())
        except OSError:  # it has ended
            pass
    return names


def truncate(path):
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    return path


class BadInputTest(TrainingCase):
    def refused(self, code, words, *arguments, ranks=1, job=None):
        outcome = self.train(ranks, "refused", *arguments, code=code, job=job)
        for word in words:
            self.assertIn(word, outcome.err)
        self.assertEqual(checkpoints(self.folder / "refused"), [])
        return outcome

    def job_with(self, old, new):
        text = self.job.read_text()
        self.assertIn(old, text)
        path = self.folder / "changed.pbtxt"
        path.write_text(text.replace(old, new))
        return path

    def test_jobs(self):
        line = self.job.read_text().split("\n").index("batch: 32") + 1
        cases = (("batch: 32", "bacth: 32", [f"changed.pbtxt:{line}: no field \"bacth\" in Job; nearest: \"batch\""]),
                 ("batch: 32", "batch: 36", ["slices", "expected a divisor of batch (36), got 8"]),
                 ("batch: 32", "batch: 1024", ["batch", "training rows (600), got 1024"]),
                 ("kernel: 3 padding: SAME bias: false", "kernel: 13 padding: VALID", ["layer[0]", "12 x 12"]),
                 ("units: 5", "units: 4", ["units", "5"]),
                 ("seed: 7", "seed: 7 }", ["changed.pbtxt"]))
        for old, new, words in cases:
            with self.subTest(new):
                self.refused(2, words, job=self.job_with(old, new))

    def test_ten_faults_at_once(self):
        path = self.folder / "ten.pbtxt"
        path.write_text(TEN_FAULTS % self.data)
        outcome = self.refused(2, FAULTS_OF_TEN, job=path)
        self.assertEqual(outcome.err.count("ten.pbtxt:"), 10, outcome.err)

    def test_arguments(self):
        cases = (("optimizer.sgd.momentun=0.9", ["--set", "momentun", "momentum"]),
                 ("epochs=many", ["--set", "epochs", "many"]), ("epochs", ["--set", "epochs"]))
        for change, words in cases:
            with self.subTest(change):
                self.refused(2, words, "--set", change, ranks=2)
        self.refused(2, ["--unknown"], "--unknown")

    def test_an_assignment_that_undoes_another_one(self):
        pairs = (("optimizer.adam.beta1=0.8", "optimizer.sgd.momentum=0.5"), ("optimizer.sgd.momentum=0.5", "optimizer={adam {}}"),
                 ("epochs=2", "epochs=1"), ("schedule={cosine {learning_rate: 1}}", "schedule.cosine={}"))
        for first, second in pairs:
            with self.subTest(f"{first} {second}"):
                words = ["--set", first.partition("=")[0], second.partition("=")[0]]
                self.refused(2, words, "--set", first, "--set", second)

    def test_a_pipe_that_nobody_writes_to(self):
        pipe = self.folder / "pipe.pbtxt"
        os.mkfifo(pipe)
        train = [BIN / "lockstep", "train", pipe, "--out", self.folder / "refused"]
        for command in (train, mpirun(1, *train)):
            for number in (signal.SIGTERM, signal.SIGINT):
                with self.subTest(f"{command[0]} {number.name}"):
                    # A shell that starts the test behind itself has it ignore SIGINT.
                    run = Run(["env", "--default-signal=INT", *command])
                    self.addCleanup(run.end)
                    self.assertTrue(wait_until(lambda run=run: "lockstep-train" in names_of(run), 20), run.output())
                    time.sleep(0.5)
                    self.assertIsNone(run.process.poll(), run.output())
                    run.signal([run.process.pid], number)
                    self.assertTrue(run.is_gone(10), run.output())
                    self.assertNotEqual(run.wait().code, 0)
        self.refused(3, ["expected a file, got a pipe"], "--init-from", pipe)
        self.refused(3, ["expected a file, got a device"], "--init-from", "/dev/zero", ranks=2)

    def test_a_job_from_a_pipe(self):
        script = '"$1" train <(cat "$2") --out "$3" --set epochs=1 --set schedule.one_cycle.warm_up_epochs=0.5'
        outcome = Run(["bash", "-c", script, "bash", BIN / "lockstep", self.job, self.folder / "from pipe"]).wait()
        self.assertEqual(outcome.code, 0, outcome.text)

    def test_ranks_of_different_commands(self):
        other = self.job_with("seed: 7", "seed: 8")
        train = [BIN / "lockstep", "train", self.job, "--out", self.folder / "unlike"]
        cases = (("another job", [BIN / "lockstep", "train", other, "--out", self.folder / "unlike"]),
                 ("another directory", [*train[:-1], self.folder / "elsewhere"]),
                 ("what the arguments say", [*train, "--sets"]),
                 ("another program", [BIN / "lockstep", "eval", "--checkpoint", self.folder]))
        for what, second in cases:
            for commands in ((train, second), (second, train)):
                with self.subTest(what):
                    outcome = Run(mpirun(1, *commands[0], ":", "-n", 1, *commands[1])).wait(60)
                    self.assertEqual(outcome.code, 2, outcome.text)
                    self.assertIn("rank 1: expected the command of rank 0, `", outcome.err)
        self.assertFalse((self.folder / "unlike").exists() or (self.folder / "elsewhere").exists())

    def test_other_files_of_one_name(self):
        command = ["lockstep", "train", "job.pbtxt", "--out", self.folder / "refused"]
        places = []
        for seed in (7, 8):
            place = self.folder / f"host {seed}"
            place.mkdir()
            (place / "job.pbtxt").write_text(self.job.read_text().replace("seed: 7", f"seed: {seed}"))
            places += [":", "-n", 1, "--wdir", place, BIN / command[0], *command[1:]]
        outcome = Run([*mpirun(1)[:-2], *places[1:]]).wait(60)
        self.assertEqual(outcome.code, 2, outcome.text)
        self.assertIn("rank 1: job.pbtxt: expected the same job on all ranks", outcome.err)
        self.assertIn("seed: 7, 8", outcome.err)

    def test_many_more_threads_than_cores(self):
        self.refused(69, ["execution.threads_per_rank", "expected at most 16 threads a core, got 1024"], "--set",
                     "execution.threads_per_rank=1024")

    def test_numbers_of_ranks(self):
        self.refused(2, ["slices", "expected a multiple of the number of ranks (3), got 8"], ranks=3)

    def test_missing_files(self):
        self.refused(2, ["none.pbtxt"], job=self.folder / "none.pbtxt")
        self.refused(3, ["none.h5", "no such file"], job=self.job_with(str(self.data), "none.h5"), ranks=2)

    def test_datasets(self):
        path = self.folder / "bad.h5"
        cases = ((lambda: truncate(sample.write_dataset(path)), ["bad.h5", "truncated"]),
                 (lambda: sample.write_dataset(path, lambda images, labels: (images, labels[:-1])), ["599", "600"]),
                 (lambda: sample.write_dataset(path, with_label(5)), ["train/labels", "5 at row 123"]),
                 (lambda: sample.write_dataset(path, with_label(-1)), ["train/labels", "-1 at row 123"]))
        for make, words in cases:
            make()
            with self.subTest(words[-1]):
                self.refused(3, words, job=self.job_with(str(self.data), str(path)), ranks=2)

    def test_the_verb(self):
        outcome = lockstep("trian", self.job)
        self.assertEqual(outcome.code, 2)
        self.assertIn("is `train` meant?", outcome.err)


class NotANumberTest(TrainingCase):
    def test_all_ranks_stop_at_the_same_step(self):
        path = sample.write_dataset(self.folder / "nan.h5", with_nan)
        job = sample.write_job(self.folder / "nan.pbtxt", path)
        messages = set()
        for ranks in (1, 2, 4):
            outcome = self.train(ranks, f"nan {ranks}", code=4, job=job)
            messages.add(next(line for line in outcome.err.split("\n") if line.startswith("lockstep train:")))
        self.assertEqual(len(messages), 1, messages)
        self.assertRegex(messages.pop(), r"step \d+ \(epoch 1\): .* rows (17|300|17, 300) of group train in .*nan\.h5")

    def test_divergence_without_bad_rows(self):
        outcome = self.train(2, "diverged", "--set", "schedule.constant.learning_rate=1e30", code=4)
        self.assertIn("all pixels of the batch are finite", outcome.err)
        self.assertIn("Lower the learning rate", outcome.err)


class DamagedCheckpointTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_reference()

    def damage(self, path, offset):
        content = bytearray(path.read_bytes())
        content[offset] ^= 1
        path.write_bytes(content)

    def test_a_flipped_byte_falls_back_to_the_one_before(self):
        for place, offset in (("user block", 20), ("digest", 30), ("image", 5000), ("end", -1)):
            with self.subTest(place):
                self.train(2, place)
                newest = self.final(place)
                self.damage(newest, offset)
                outcome = self.train(4, place)
                self.assertIn(f"{newest}: damaged", outcome.err)
                self.assertIn(f"resumed at step {2 * sample.STEPS_PER_EPOCH} of {sample.STEPS}", outcome.out)
                self.assert_identical("reference", place)

    def test_all_damaged(self):
        self.train(1, "all")
        before = {}
        for path in checkpoints(self.folder / "all"):
            self.damage(path, 3000)
            before[path] = path.read_bytes()
        outcome = self.train(2, "all", code=3)
        self.assertIn("none of the 3 checkpoints is good", outcome.err)
        self.assertEqual(before, {path: path.read_bytes() for path in checkpoints(self.folder / "all")})

    def test_other_data(self):
        self.train(2, "data", "--set", "execution.time_limit_seconds=0.05", code=75)
        other = sample.write_dataset(self.folder / "other.h5", with_label(1))
        outcome = self.train(2, "data", "--set", f'data.path="{other}"', code=3)
        self.assertIn("other training rows", outcome.err)
        # The same data elsewhere are the same job.
        moved = pathlib.Path(self.folder, "moved.h5")
        moved.write_bytes(self.data.read_bytes())
        self.train(2, "data", "--set", f'data.path="{moved}"')
        self.assert_identical("reference", "data")


if __name__ == "__main__":
    unittest.main()
