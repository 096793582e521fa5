"""The number of processes changes only the time: the same bits on 1, 2, 4 and 8 ranks, whatever carries the sums."""

import itertools
import re
import unittest

import sample
from run import lockstep
from training_case import TrainingCase, checkpoints, metrics, tensors

RANKS = (1, 2, 4, 8)


class IdentityTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_reference()

    def test_any_number_of_ranks(self):
        for ranks in RANKS:
            self.train(ranks, f"{ranks} ranks")
        for a, b in itertools.combinations(RANKS, 2):
            self.assert_identical(f"{a} ranks", f"{b} ranks")
        self.assert_identical("reference", "1 ranks")
        self.check_evaluations()

    def check_evaluations(self):
        first, *others = [[(line["epoch"], line["loss"], line["accuracy"], line["rows"])
                           for line in metrics(self.folder / f"{ranks} ranks", "eval")] for ranks in RANKS]
        self.assertEqual([line[0] for line in first], [1, 2, 3])
        self.assertEqual({line[3] for line in first}, {sample.TEST_ROWS})
        self.assertGreater(first[-1][2], 0.8, "the network has not learned")
        for other in others:
            self.assertEqual(other, first)

    def test_without_clipping(self):
        job = sample.write_job(self.folder / "unclipped.job.pbtxt", self.data, clip="")
        for ranks in RANKS:
            self.train(ranks, f"unclipped {ranks}", job=job)
            self.assert_identical("unclipped 1", f"unclipped {ranks}")
        self.train(2, "unclipped in buckets", "--set", "execution.bucket_bytes=2000", "--set",
                   "execution.overlap=OVERLAP_ON", job=job)
        self.assert_identical("unclipped 1", "unclipped in buckets")
        self.assert_different("reference", "unclipped 1")

    def test_clipping(self):
        """The norm of some blocks of gradients, of which ranks that share memory sum a part each."""
        job = sample.write_job(self.folder / "clipped.job.pbtxt", self.data, clip="clip_global_norm: 0.2", model=sample.GRAPH)
        for ranks in RANKS:
            self.train(ranks, f"clipped {ranks}", job=job)
            self.assert_identical("clipped 1", f"clipped {ranks}")
        self.train(4, "clipped by messages", "--set", "execution.shared_memory=false", job=job)
        self.assert_identical("clipped 1", "clipped by messages")
        self.train(2, "clipped in buckets", "--set", "execution.bucket_bytes=2000", "--set",
                   "execution.overlap=OVERLAP_ON", job=job)
        self.assert_identical("clipped 1", "clipped in buckets")
        self.assertIn("parameters  16,973", lockstep("model", "show", job).out)
        self.train(1, "not clipped", job=sample.write_job(self.folder / "not clipped.job.pbtxt", self.data, clip="",
                                                          model=sample.GRAPH))
        self.assert_different("clipped 1", "not clipped")

    def test_a_graph(self):
        """Branches, several readers, concatenation, gate; stopped and gone on with as well."""
        job = sample.write_job(self.folder / "graph.job.pbtxt", self.data, model=sample.GRAPH)
        for precision in ("FP32", "BF16"):
            type_of = ("--set", f"execution.precision={precision}")
            for ranks in RANKS:
                self.train(ranks, f"graph {precision} {ranks}", *type_of, job=job)
                self.assert_identical(f"graph {precision} 1", f"graph {precision} {ranks}")
            self.train(4, f"graph {precision} in parts", *type_of, "--set", "execution.stop_after_epochs=1", job=job,
                       code=75)
            self.train(1, f"graph {precision} in parts", *type_of, job=job)
            self.assert_identical(f"graph {precision} 1", f"graph {precision} in parts")
            self.assertGreater(metrics(self.folder / f"graph {precision} 1", "eval")[-1]["accuracy"], 0.8,
                               "the network has not learned")

    def test_groups_of_parameters(self):
        job = sample.write_job(self.folder / "groups.job.pbtxt", self.data, groups="""
            parameters { match: "convolution_1/*" rate_scale: 0 }
            parameters { match: "residual_1/*" rate_scale: 0.1 weight_decay: 0 }""")
        for ranks in RANKS:
            self.train(ranks, f"groups {ranks}", job=job)
            self.assert_identical("groups 1", f"groups {ranks}")
        self.assert_different("reference", "groups 1")
        first, last = (tensors(path) for path in (checkpoints(self.folder / "groups 1")[0],
                                                  checkpoints(self.folder / "groups 1")[-1]))
        still = {name for name, values in first.items() if name.startswith("parameters/") and values == last[name]}
        self.assertEqual(still, {"parameters/convolution_1/weights"})
        shown = lockstep("model", "show", job).out
        self.assertRegex(shown, r"residual_1/convolution_1/weights +0.1 +0\n")
        self.assertRegex(shown, r"dense_1/weights +1 +0.0005\n")
        shown = lockstep("model", "show", job, "--set", "parameters[2]={ match: \"dense_1/*\" l1_decay: 0.25 }").out
        self.assertRegex(shown, r"residual_1/convolution_1/weights +0.1 +0 +0\n")
        self.assertRegex(shown, r"dense_1/weights +1 +0.0005 +0.25\n")

    def test_optimizers_and_schedules(self):
        """Those that the jobs of other tests have not, one of each in a job; stopped and gone on with as well."""
        pairs = (("adam_w {} weight_decay: 0.05", "exponential { learning_rate: 0.02 factor: 0.5 warm_up_epochs: 0.5 }",
                  "first_moment second_moment"),
                 ("rms_prop {} weight_decay: 5e-4",
                  "multi_step { learning_rate: 0.002 at_epoch: [1.5, 2] factor: 0.3 }", "square_average"),
                 ("rms_prop { momentum: 0.5 centered: true } l1_decay: 1e-4",
                  "polynomial { learning_rate: 0.005 power: 2 warm_up_epochs: 1 }",
                  "gradient_average momentum square_average"),
                 ("adam {} l1_decay: 1e-4", "cosine { learning_rate: 0.02 final: 1e-4 warm_up_epochs: 1 }",
                  "first_moment second_moment"))
        job = sample.write_job(self.folder / "optimizers.job.pbtxt", self.data, clip="")
        kinds = itertools.product(("FP32", "BF16"), pairs)
        for i, (precision, (optimizer, schedule, slots)) in enumerate(kinds):
            both = ("--set", f"optimizer={{{optimizer}}}", "--set", f"schedule={{{schedule}}}", "--set",
                    f"execution.precision={precision}")
            for ranks in RANKS:
                self.train(ranks, f"optimizer {i} {ranks}", *both, job=job)
                self.assert_identical(f"optimizer {i} 1", f"optimizer {i} {ranks}")
            self.train(4, f"optimizer {i} in parts", *both, "--set", "execution.stop_after_epochs=1", job=job, code=75)
            self.train(1, f"optimizer {i} in parts", *both, job=job)
            self.assert_identical(f"optimizer {i} 1", f"optimizer {i} in parts")
            found = {name.split("/")[1] for name in tensors(self.final(f"optimizer {i} 1")) if "optimizer/" in name}
            self.assertEqual(" ".join(sorted(found)), slots)
            self.assertGreater(metrics(self.folder / f"optimizer {i} 1", "eval")[-1]["accuracy"], 0.8,
                               f"the network has not learned by {optimizer}")

    def test_frozen_parts(self):
        job = sample.write_job(self.folder / "frozen.job.pbtxt", self.data, model=sample.GRAPH, groups=sample.FROZEN)
        for ranks in RANKS:
            outcome = self.train(ranks, f"frozen {ranks}", job=job)
            self.assert_identical("frozen 1", f"frozen {ranks}")
        self.assertIn("three/weights is frozen as it was drawn at random: give --init-from", outcome.text)
        self.assertRegex(outcome.text, r"[\d,]+ parameters and 1,312 frozen;")
        frozen = {"parameters/three/weights", "parameters/three/bias", "parameters/pool/bias", "parameters/block/scale",
                  "parameters/block/shift", "buffers/block/running_mean", "buffers/block/running_variance"}
        first, last = (tensors(path) for path in (checkpoints(self.folder / "frozen 1")[0],
                                                  checkpoints(self.folder / "frozen 1")[-1]))
        self.assertEqual({name for name in first if first[name] == last[name]}, frozen)
        self.assertFalse([name for name in last if re.match("optimizer/.*(three|block|pool/bias)", name)])
        self.assertIn("optimizer/momentum/pool/weights", last)
        shown = lockstep("model", "show", job).out
        self.assertRegex(shown, r"three/weights +frozen\n")
        self.assertRegex(shown, r"pool/weights +1 +0.0005\n")

    def test_auxiliary_losses(self):
        """A classifier inside that stands before layers which evaluation needs."""
        inner = """layer { input: "block" global_pooling {} } layer { name: "inner" dense { units: 5 } }
            layer { input: "block" global_pooling {} }"""
        job = sample.write_job(self.folder / "inner.job.pbtxt", self.data,
                               model=sample.GRAPH.replace("layer { global_pooling {} }", inner, 1),
                               groups='loss { auxiliary { layer: "inner" weight: 0.5 } }')
        for ranks in RANKS:
            self.train(ranks, f"inner {ranks}", job=job)
            self.assert_identical("inner 1", f"inner {ranks}")
        self.train(4, "inner in parts", "--set", "execution.stop_after_epochs=1", job=job, code=75)
        self.train(1, "inner in parts", job=job)
        self.assert_identical("inner 1", "inner in parts")
        before, after = (tensors(path)["parameters/inner/weights"] for path in
                         (checkpoints(self.folder / "inner 1")[0], checkpoints(self.folder / "inner 1")[-1]))
        self.assertNotEqual(before, after)
        self.assertIn("the loss reads inner, times 0.5\n", lockstep("model", "show", job).out)

    def test_one_layer_goes_on_from_what_was_learned(self):
        job = sample.write_job(self.folder / "head.job.pbtxt", self.data, groups="""
            parameters { match: "*" frozen: true }
            parameters { match: "dense_1/*" }""")
        learned = checkpoints(self.folder / "reference")[-1]
        for ranks in (1, 4):
            outcome = self.train(ranks, f"head {ranks}", "--init-from", learned, job=job)
            self.assertNotIn("drawn at random", outcome.text)
        self.assert_identical("head 1", "head 4")
        before, after = tensors(learned), tensors(checkpoints(self.folder / "head 1")[-1])
        trained = {name for name in after if not name.startswith("optimizer/") and after[name] != before[name]}
        self.assertEqual(trained, {"parameters/dense_1/weights", "parameters/dense_1/bias"})

    def test_in_bf16(self):
        bf16 = ("--set", "execution.precision=BF16")
        for ranks in RANKS:
            outcome = self.train(ranks, f"bf16 {ranks}", *bf16)
            self.assert_identical("bf16 1", f"bf16 {ranks}")
        self.assertGreater(metrics(self.folder / "bf16 1", "eval")[-1]["accuracy"], 0.8, "the network has not learned")
        if "no instructions for bf16" not in outcome.text:
            self.assert_different("reference", "bf16 1")

    def test_winograd_is_what_runs(self):
        direct = sample.write_job(self.folder / "direct.job.pbtxt", self.data,
                                  "plan { forward: DIRECT data: DIRECT weights: DIRECT }")
        self.train(2, "direct", job=direct)
        shown = lockstep("model", "show", self.job).out
        (self.assert_different if "wino" in shown else self.assert_identical)("reference", "direct")

    def test_tcp_alone(self):
        options = {"btl": "self,tcp", "btl_tcp_if_include": "lo", "pml": "ob1"}
        self.train(4, "tcp", options=tuple(word for item in options.items() for word in ("--mca", *item)))
        self.assert_identical("reference", "tcp")

    def test_without_shared_memory(self):
        outcome = self.train(4, "messages", "--set", "execution.shared_memory=false")
        self.assertNotIn("shared memory", outcome.out)
        self.assert_identical("reference", "messages")

    def test_ranks_of_two_threads(self):
        for ranks in (1, 2):
            self.train(ranks, f"{ranks} of 2 threads", "--set", "execution.threads_per_rank=2",
                       "--set", "epochs=1", environment={"OMP_WAIT_POLICY": "passive"})
        self.assert_identical("1 of 2 threads", "2 of 2 threads")

    def test_ranks_that_are_no_power_of_two(self):
        six = ("--set", "slices=6", "--set", "batch=30")
        for out in ("three", "three again"):
            outcome = self.train(3, out, *six)
            self.assertIn("not a power of two", outcome.text)
        self.assert_identical("three", "three again")

    def test_other_jobs_have_other_bits(self):
        for change in ("seed=8", "slices=4"):
            with self.subTest(change):
                self.train(2, change, "--set", change)
                self.assert_different("reference", change)


if __name__ == "__main__":
    unittest.main()
