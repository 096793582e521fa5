"""Limits of the machine: said in words with a code of the table, nothing torn, nothing left, no rank that waits."""

import pathlib
import unittest

import sample
from run import BIN, Run, lockstep
from training_case import TrainingCase, checkpoints, steps_of


class LimitsTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_reference()
        cls.large = sample.write_large_job(cls.folder / "large.job.pbtxt", cls.data)

    def assert_nothing_is_torn(self, out):
        self.assertEqual(list((self.folder / out).glob("**/*.tmp")), [])
        for checkpoint in checkpoints(self.folder / out):
            self.assertEqual(lockstep("checkpoint", "verify", checkpoint).code, 0)

    def test_more_ranks_than_the_host_has_memory_for(self):
        # Half of the memory a rank: one fits.
        memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) * 1024
        units = memory // 2 // (4 * 4 * sample.SIDE ** 2)  # parameters, gradients, momentum, a checkpoint
        job = self.folder / "half.job.pbtxt"
        job.write_text(self.large.read_text().replace("10000000", str(units)))
        outcome = self.limited(4, "true", "half", job=job)
        self.assertEqual(outcome.code, 2, outcome.text)
        self.assertRegex(outcome.err, r"too large for the memory of a host: .* 4 ranks of [\d.]+ GB \(network ")

    def test_a_checkpoint_that_could_never_be_written(self):
        body = "body { convolution { filters: 1 kernel: 1 padding: SAME } }"
        for _ in range(17):
            body = "body { residual { " + body + " } }"
        deep = self.folder / "deep.job.pbtxt"
        deep.write_text(f'data {{ path: "{self.data}" }}\nmodel {{ layer {{ residual {{ {body} }} }} layer {{ flatten {{}} }} '
                        "layer { dense { units: 5 } } }\n" + sample.LARGE.split("\n")[1])
        for ranks in (1, 2):
            with self.subTest(ranks):
                outcome = self.train(ranks, f"deep {ranks}", job=deep, code=2)
                self.assertRegex(outcome.err, "no checkpoint of this training could be written: .* at most 16 names")
                self.assertNotIn("epoch 1/1", outcome.out)

    def test_memory_that_ends_later(self):
        for ranks in (1, 2):
            for point in ("train.begin:1", "file.open:2"):  # a step's thread; that of the first checkpoint
                name = f"{point} {ranks}"
                with self.subTest(name):
                    outcome = self.limited(ranks, "ulimit -c 0", name,
                                           environment={"LOCKSTEP_FAULT": f"{point}:throw"})
                    self.assertEqual(outcome.code, 69, outcome.text)
                    self.assertRegex(outcome.err, "lockstep train: (rank 0: )?out of memory; free some memory")
                    self.assert_nothing_is_torn(name)
                    self.train(2, name)
                    self.assert_identical("reference", name)

    def test_an_exception_of_one_rank_ends_all_with_its_words(self):
        outcome = self.train(2, "one", environment={"LOCKSTEP_FAULT": "train.begin:1:throw@1"}, code=69)
        self.assertIn("lockstep train: rank 1: out of memory", outcome.err)
        # Negative control: a rank that is not there.
        self.train(2, "none", environment={"LOCKSTEP_FAULT": "train.begin:1:throw@2"})

    def test_a_limit_of_file_size(self):
        size = self.final("reference").stat().st_size // 1024
        outcome = self.limited(1, f"ulimit -f {size // 2}", "small files")
        self.assertEqual(outcome.code, 74, outcome.text)
        self.assertIn("File too large; raise the file size limit (ulimit -f) and run again", outcome.err)
        self.assert_nothing_is_torn("small files")
        self.train(2, "small files")
        self.assert_identical("reference", "small files")
        # Of two ranks also files that they share are limited: to less than a checkpoint has, or to less than they need.
        job = self.folder / "wide.job.pbtxt"
        job.write_text(self.large.read_text().replace("10000000", "27000"))  # 16 MB of parameters
        for limit, arguments, code, words in ((20 << 10, ("--set", "execution.shared_memory=false"), 74, "File too large"),
                                              (20 << 10, (), 69, "raise the limit of file sizes (ulimit -f)"),
                                              (30, (), 69, "raise the limit of file sizes (ulimit -f)")):
            with self.subTest(f"{limit} {code}"):
                name = f"wide {limit} {code}"
                outcome = self.limited(2, f"ulimit -f {limit}", name, *arguments, job=job)
                self.assertEqual(outcome.code, code, outcome.text)
                self.assertIn(words, outcome.err)
                self.assert_nothing_is_torn(name)

    def test_a_checkpoint_that_cannot_be_read_is_not_damaged(self):
        out = self.folder / "unreadable"
        self.train(1, out.name, "--set", "execution.stop_after_epochs=2", code=75)
        kept = steps_of(out)
        # The job, and that of the run, are read first.
        outcome = self.train(1, out.name, code=74, environment={"LOCKSTEP_FAULT": "file.read:3:fail"})
        self.assertNotRegex(outcome.text, "damaged|Move them away")
        self.assertEqual(steps_of(out), kept)
        for verb in (("checkpoint", "verify", out), ("checkpoint", "ls", out), ("checkpoint", "show", out),
                     ("eval", "--checkpoint", out)):
            with self.subTest(verb):
                run = Run([BIN / "lockstep", *verb], {"LOCKSTEP_FAULT": "file.read:1:fail"})
                outcome = run.wait()
                self.assertEqual(outcome.code, 74, outcome.text)
                self.assertNotIn("damaged", outcome.text)
        self.train(1, out.name)
        self.assert_identical("reference", out.name)

    def test_few_descriptors(self):
        for files in (16, 24, 32):
            for ranks in (1, 2):
                with self.subTest(f"{files} {ranks}"):
                    name = f"files {files} {ranks}"
                    outcome = self.limited(ranks, f"ulimit -n {files}", name)
                    self.assertIn(outcome.code, (0, 1, 69, 74), outcome.text)
                    self.assertTrue(outcome.code == 0 or "Too many open files" in outcome.err, outcome.text)
                    self.assertNotIn("bug in Lockstep", outcome.err)
                    self.assert_nothing_is_torn(name)


if __name__ == "__main__":
    unittest.main()
