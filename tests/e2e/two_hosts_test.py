"""One job over two hosts, each a set of namespaces of this machine (tests/mpi/hosts). Needs root."""

import pathlib
import signal
import unittest

import sample
from run import BIN, MARK, Run
from training_case import TrainingCase, steps_done

HOSTS = pathlib.Path(__file__).parents[1] / "mpi" / "hosts"


class TwoHostsTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_reference()

    def start_on_hosts(self, ranks_per_host, out, *arguments, options=(), job=None):
        run = Run([HOSTS, 2, ranks_per_host, "-x", MARK, *options, BIN / "lockstep", "train", job or self.job,
                   "--out", self.folder / out, *arguments])
        self.addCleanup(run.end)
        return run

    def test_the_same_bits(self):
        buckets = ("--set", "execution.bucket_bytes=2000")
        for ranks_per_host, options, arguments, summed in (
                (1, (), (), "the sum over hosts begins"), (2, (), (), "the sum over hosts begins"),
                (2, ("--map-by", "node"), (), "halving and doubling over 4 ranks"),
                (2, (), (*buckets, "--set", "execution.overlap=OVERLAP_ON"), "2 hosts, "),
                (2, (), (*buckets, "--set", "execution.overlap=OVERLAP_OFF"), "2 hosts, "),
                (1, (), (*buckets, "--set", "execution.overlap=OVERLAP_ON"), "over 2 ranks")):
            with self.subTest(ranks_per_host=ranks_per_host, options=options, arguments=arguments):
                out = f"{ranks_per_host} a host {' '.join(options)} {' '.join(arguments)}"
                outcome = self.start_on_hosts(ranks_per_host, out, *arguments, options=options).wait()
                self.assertEqual(outcome.code, 0, outcome.text)
                self.assertIn(summed, outcome.text)
                self.assert_identical("reference", out)

    def test_the_same_bits_without_clipping(self):
        job = sample.write_job(self.folder / "unclipped.job.pbtxt", self.data, clip="")
        self.train(1, "unclipped", job=job)
        for way in ("ON", "OFF"):
            outcome = self.start_on_hosts(2, way, "--set", "execution.bucket_bytes=2000", "--set",
                                          f"execution.overlap=OVERLAP_{way}", job=job).wait()
            self.assertEqual(outcome.code, 0, outcome.text)
            self.assert_identical("unclipped", way)

    def test_a_stop_on_two_hosts_and_an_end_on_one(self):
        run = self.start_on_hosts(2, "stopped")
        self.wait_for_step(run, "stopped", 3)
        run.signal(self.mpirun_of(run), signal.SIGUSR1)
        outcome = run.wait()
        self.assertEqual(outcome.code, 75, outcome.text)
        self.train(2, "stopped")
        self.assert_identical("reference", "stopped")

    def test_a_kill_leaves_nothing_on_either_host(self):
        run = self.start_on_hosts(2, "killed")
        self.wait_for_step(run, "killed", 20)
        self.assertEqual(len(run.ranks()), 4)
        run.signal(self.mpirun_of(run), signal.SIGKILL)
        self.assertTrue(run.is_gone(10), f"left: {run.processes()}")
        self.train(4, "killed")
        self.assert_identical("reference", "killed")

    def test_a_rank_that_hangs_on_the_other_host(self):
        run = self.start_on_hosts(2, "hung", "--set", "epochs=100000", "--set", "execution.hang_timeout_seconds=2")
        self.wait_for_step(run, "hung", 3)
        run.signal([run.ranks()[3]], signal.SIGSTOP)
        outcome = run.wait(30)
        self.assertEqual(outcome.code, 86, outcome.text)
        self.assertRegex(outcome.err, r"rank 3 \(|on other hosts")
        self.assertTrue(run.is_gone(10), f"left: {run.processes()}")
        self.assertGreater(steps_done(self.folder / "hung"), 2)

    def mpirun_of(self, run):
        """The process ids of mpirun: by name, among the processes of this run."""
        names = {pid: pathlib.Path("/proc", str(pid), "comm").read_text().strip() for pid in run.processes()}
        found = [pid for pid, name in names.items() if name in ("mpirun", "prterun")]
        self.assertEqual(len(found), 1, names)
        return found


if __name__ == "__main__":
    unittest.main()
