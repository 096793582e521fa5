"""Variables of the site's environment: a job has the bits of its own threads whatever they say, or it is refused with
the variable's name. The table is the one in trainer/README.md."""

import unittest

import sample
from run import BIN, Run, mpirun
from training_case import TrainingCase, checkpoints

MODEL = """model {
  layer { convolution { filters: 32 kernel: 3 padding: SAME } }
  layer { batch_norm { relu: true } }
  layer { convolution { filters: 48 kernel: 5 stride: 2 padding: SAME } }
  layer { relu {} }
  layer { flatten {} }
  layer { dense { units: 5 } }
}
"""
SHORT = ("batch: 32\nslices: 2\nepochs: 1\nseed: 7\nschedule { constant { learning_rate: 0.05 } }\n"
         "execution { threads_per_rank: %d hang_timeout_seconds: 30 }\n")

# What OpenMP, oneDNN, Open MPI and Slurm take from the environment, set to what could change bits or hang.
SAME_BITS = (
    {"OMP_DYNAMIC": "true"},
    {"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "7"}, {"OMP_NUM_THREADS": "1,1"}, {"OMP_NUM_THREADS": "abc"},
    {"OMP_MAX_ACTIVE_LEVELS": "0"}, {"OMP_NESTED": "true"}, {"OMP_THREAD_LIMIT": "2"},
    {"OMP_SCHEDULE": "dynamic,1"}, {"OMP_PROC_BIND": "true", "OMP_PLACES": "cores"}, {"OMP_PROC_BIND": "master"},
    {"GOMP_CPU_AFFINITY": "0"}, {"OMP_WAIT_POLICY": "passive"}, {"GOMP_SPINCOUNT": "0"}, {"OMP_CANCELLATION": "true"},
    {"OMP_TEAMS_THREAD_LIMIT": "1"}, {"OMP_STACKSIZE": "64M"}, {"OMP_TARGET_OFFLOAD": "mandatory"},
    {"DNNL_DEFAULT_FPMATH_MODE": "BF16"}, {"ONEDNN_DEFAULT_FPMATH_MODE": "ANY"},
    {"DNNL_CPU_ISA_HINTS": "PREFER_YMM"}, {"ONEDNN_CPU_ISA_HINTS": "PREFER_YMM"},
    {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0"}, {"DNNL_PRIMITIVE_CACHE_CAPACITY": "1"},
    {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "1", "SLURM_CPUS_PER_TASK": "1", "SLURM_CPU_BIND": "none"},
)
REFUSED = ({"OMP_THREAD_LIMIT": "1"}, {"OMP_STACKSIZE": "16k"}, {"GOMP_STACKSIZE": "16"}, {"SLURM_NTASKS": "4"})
# With two ranks, where MPI has a part.
WITH_MPI = (
    {}, {"OMP_DYNAMIC": "true"}, {"OMPI_MCA_mpi_yield_when_idle": "1"}, {"OMPI_MCA_coll": "^tuned"},
    {"OMPI_MCA_coll_tuned_use_dynamic_rules": "1", "OMPI_MCA_coll_tuned_allreduce_algorithm": "1"},
    {"OMPI_MCA_btl": "self,tcp", "OMPI_MCA_btl_tcp_if_include": "lo"},
    {"OMPI_MCA_btl_vader_single_copy_mechanism": "none"}, {"OMPI_MCA_mpi_leave_pinned": "0"},
)


class EnvironmentTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.jobs = {}
        for threads in (1, 2):
            cls.jobs[threads] = cls.folder / f"{threads}.job.pbtxt"
            cls.jobs[threads].write_text(f'data {{ path: "{cls.data}" }}\n' + MODEL + SHORT % threads)

    def alone(self, out, threads=2, environment=None, arguments=()):
        run = Run([BIN / "lockstep", "train", self.jobs[threads], "--out", self.folder / out, *arguments], environment)
        self.addCleanup(run.end)
        return run.wait(60)

    def reference(self):
        if not (self.folder / "reference").exists():
            outcome = self.alone("reference")
            self.assertEqual(outcome.code, 0, outcome.text)
        return "reference"

    def test_the_bits_are_those_of_the_job(self):
        reference = self.reference()
        for number, environment in enumerate(SAME_BITS):
            with self.subTest(environment):
                outcome = self.alone(f"same {number}", environment=environment)
                self.assertEqual(outcome.code, 0, outcome.text)
                self.assert_identical(reference, f"same {number}")

    def test_other_threads_would_show(self):
        reference = self.reference()
        self.assertEqual(self.alone("one", threads=1).code, 0)
        self.assert_different(reference, "one")

    def test_what_cannot_be_had_is_refused_by_name(self):
        for number, environment in enumerate(REFUSED):
            with self.subTest(environment):
                outcome = self.alone(f"refused {number}", environment=environment)
                self.assertEqual(outcome.code, 2, outcome.text)
                for name, value in environment.items():
                    self.assertIn(f"{name}={value}", outcome.err)
                self.assertEqual(checkpoints(self.folder / f"refused {number}"), [])

    def test_the_bits_of_bf16_too(self):
        bf16 = ("--set", "execution.precision=BF16")
        self.assertEqual(self.alone("bf16", arguments=bf16).code, 0)
        for number, environment in enumerate(({"ONEDNN_CPU_ISA_HINTS": "PREFER_YMM"}, {"OMP_DYNAMIC": "true"},
                                              {"ONEDNN_DEFAULT_FPMATH_MODE": "ANY"})):
            with self.subTest(environment):
                self.assertEqual(self.alone(f"bf16 {number}", environment=environment, arguments=bf16).code, 0)
                self.assert_identical("bf16", f"bf16 {number}")

    def test_one_thread_needs_no_more_than_one(self):
        self.assertEqual(self.alone("one of one", threads=1, environment={"OMP_THREAD_LIMIT": "1"}).code, 0)

    def test_two_ranks(self):
        reference = self.reference()
        for number, environment in enumerate(WITH_MPI):
            with self.subTest(environment):
                self.train(2, f"ranks {number}", job=self.jobs[2], environment=environment)
                self.assert_identical(reference, f"ranks {number}")

    def test_ranks_that_are_unlike_are_refused(self):
        unlike = 'if [ "$OMPI_COMM_WORLD_RANK" = 1 ]; then export ONEDNN_MAX_CPU_ISA=SSE41; fi; exec "$@"'
        run = Run(mpirun(2, "sh", "-c", unlike, "unlike", BIN / "lockstep", "train", self.jobs[1], "--out",
                         self.folder / "unlike"))
        self.addCleanup(run.end)
        outcome = run.wait(60)
        self.assertEqual(outcome.code, 69, outcome.text)
        self.assertRegex(outcome.err, r"do not compute the same bits:(.|\n)* instruction set: rank 0 on \S+ has .*; rank 1 on "
                                      r"\S+ has (.|\n)* gradients of the same rows: rank 0 on ")
        self.assertEqual(checkpoints(self.folder / "unlike"), [])

    def test_evaluation_has_its_threads_too(self):
        checkpoint = self.folder / self.reference()
        outcomes = [Run([BIN / "lockstep", "eval", "--checkpoint", checkpoint, "--json"], environment).wait(60)
                    for environment in ({}, {"OMP_DYNAMIC": "true"}, {"OMP_THREAD_LIMIT": "1"})]
        self.assertEqual([outcome.code for outcome in outcomes], [0, 0, 2], [outcome.text for outcome in outcomes])
        self.assertEqual(outcomes[0].out, outcomes[1].out)
        self.assertIn("OMP_THREAD_LIMIT=1", outcomes[2].err)


if __name__ == "__main__":
    unittest.main()
