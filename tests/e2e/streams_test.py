"""Standard streams that are closed, full or a pipe that nobody reads: no file receives what was meant for them, a result
that cannot be written is no success, and a training goes on without its progress."""

import os
import signal
import subprocess
import unittest

from run import BIN, Run, lockstep
from training_case import TrainingCase, metrics

SHORT = ("--set", "epochs=1")
CLOSED = {"in": "<&-", "out": ">&-", "error": "2>&-", "out and error": ">&- 2>&-", "all": "<&- >&- 2>&-",
          "full out": ">/dev/full", "full both": ">/dev/full 2>&1"}


class StreamsTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_once(SHORT, "reference")

    @classmethod
    def run_once(cls, arguments, out):
        outcome = lockstep("train", cls.job, "--out", cls.folder / out, *arguments)
        if outcome.code != 0:
            raise AssertionError(outcome.text)

    def shell(self, redirection, *arguments):
        """The outcome of a command whose streams the shell has set so."""
        run = Run(["bash", "-c", f'exec "$@" {redirection}', "closed", BIN / "lockstep", *arguments])
        self.addCleanup(run.end)
        return run.wait(60)

    def commands(self):
        """Every command that prints a result, and ends by itself."""
        run = self.folder / "reference"
        return (("--help",), ("--version",), ("train", "--help"), ("data", "info", self.data),
                ("data", "info", self.data, "--json"), ("checkpoint", "ls", run), ("checkpoint", "ls", run, "--json"),
                ("checkpoint", "show", run), ("checkpoint", "show", run, "--job"), ("checkpoint", "verify", run),
                ("checkpoint", "diff", run, run), ("model", "ls"), ("model", "show", self.job),
                ("model", "show", self.job, "--json"), ("eval", "--checkpoint", run),
                ("eval", "--checkpoint", run, "--json"), ("sweep", "--help"), ("serve", "--help"))

    def test_no_file_receives_the_progress(self):
        for name, closed in CLOSED.items():
            with self.subTest(name):
                outcome = self.shell(closed, "train", self.job, "--out", self.folder / name, "--progress", "plain", *SHORT)
                self.assertEqual(outcome.code, 0, outcome.text)
                self.assertEqual((self.folder / name / "lock").read_bytes(), b"")
                self.assertTrue(metrics(self.folder / name, "train"))
                for file in ("job.pbtxt", "log.txt", "metrics.jsonl"):
                    self.assertNotIn(" images/s ", (self.folder / name / file).read_text())
                self.assert_identical("reference", name)

    def test_a_result_that_cannot_be_written_is_no_success(self):
        for command in self.commands():
            with self.subTest(command):
                outcome = self.shell(">/dev/full", *command)
                self.assertEqual(outcome.code, 74, outcome.text)
                self.assertIn("cannot write to standard output: No space left on device", outcome.err)
                self.assertEqual(self.shell("", *command).code, 0)

    def test_nor_one_on_a_closed_stream(self):
        for command in self.commands():
            with self.subTest(command):
                outcome = self.shell(">&-", *command)
                self.assertEqual(outcome.code, 74, outcome.text)

    def test_nor_one_into_a_pipe_that_nobody_reads(self):
        for command in self.commands():
            with self.subTest(command):
                reader, writer = os.pipe()
                os.close(reader)
                process = subprocess.run([BIN / "lockstep", *command], stdout=writer, stderr=subprocess.PIPE, timeout=60,
                                         preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
                os.close(writer)
                self.assertEqual(process.returncode, 74, process.stderr)

    def test_an_error_keeps_its_code(self):
        for closed in ("2>/dev/full", "2>&-", ">/dev/full 2>&1"):
            for arguments, code in ((("data", "info", self.folder / "none.h5"), 3), (("nonsense",), 2),
                                    (("checkpoint", "verify", self.folder / "none.h5"), 3)):
                with self.subTest(f"{arguments} {closed}"):
                    self.assertEqual(self.shell(closed, *arguments).code, code)


if __name__ == "__main__":
    unittest.main()
