"""The commands around training, on a finished run: eval, model, checkpoint, data; and all of it after an install."""

import json
import os
import pathlib
import signal
import subprocess
import unittest

import sample
from run import BIN, Run, lockstep, mpirun, wait_until
from training_case import TrainingCase, metrics


class CommandsTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_reference()

    def done(self, *arguments, code=0):
        outcome = lockstep(*arguments)
        self.assertEqual(outcome.code, code, outcome.text)
        return outcome.out

    def test_eval_json(self):
        alone = self.done("eval", "--checkpoint", self.reference, "--json")
        four = Run(mpirun(4, BIN / "lockstep", "eval", "--checkpoint", self.reference, "--json")).wait()
        self.assertEqual(four.out, alone, four.err)
        report = json.loads(alone)
        trained = metrics(self.reference, "eval")[-1]
        self.assertEqual((report["loss"], report["top1"], report["rows"], report["step"], report["epoch"]),
                         (trained["loss"], trained["accuracy"], sample.TEST_ROWS, sample.STEPS, 3))
        self.assertEqual(report["top5"], 1)
        confusion = report["confusion"]
        self.assertEqual([sum(line) for line in confusion], [line["rows"] for line in report["classes"]])
        _, labels = sample.rows(sample.TEST_ROWS, 2)
        self.assertEqual([sum(line) for line in confusion], [int((labels == i).sum()) for i in range(5)])
        right = sum(confusion[i][i] for i in range(5))
        self.assertEqual(right / sample.TEST_ROWS, report["top1"])
        self.assertEqual([line["name"] for line in report["classes"]], list(sample.CLASSES))

    def test_eval_table(self):
        table = self.done("eval", "--checkpoint", self.final("reference"))
        accuracy = metrics(self.reference, "eval")[-1]["accuracy"]
        for words in (f"top-1 {100 * accuracy:.2f} %", "top-5 100.00 %", "precision %", "confusion", *sample.CLASSES):
            self.assertIn(words, table)
        train = self.done("eval", "--checkpoint", self.reference, "--split", "train")
        self.assertIn(f"{sample.TRAIN_ROWS} rows", train)
        self.assertEqual(lockstep("eval", "--checkpoint", self.folder / "none").code, 3)

    def test_eval_ends_with_its_parent(self):
        # A rank whose MPI does not see that the parent is gone: it is the only one. It takes an hour to read a file.
        run = Run(["sh", "-c", '"$@" & wait', "parent", BIN / "lockstep", "eval", "--checkpoint", self.reference],
                  {"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0", "LOCKSTEP_FAULT": "file.read:1:sleep"})
        self.addCleanup(run.end)

        def is_in_mpi():  # which has threads of its own
            return any(len(os.listdir(f"/proc/{pid}/task")) > 1 for pid in run.processes())

        self.assertTrue(wait_until(is_in_mpi, 30), run.output())
        run.signal([run.process.pid], signal.SIGKILL)
        self.assertTrue(run.is_gone(), f"left: {list(run.processes())}")

    def test_model_show(self):
        shown = self.done("model", "show", self.job)
        # Convolutions 144 + 2304 + 2320, batch norms 32 + 32, dense 85.
        for words in ("convolution", "batch_norm", "residual", "dropout", "global_pooling", "dense", "4,917"):
            self.assertIn(words, shown)

    def test_model_of_a_file(self):
        job = self.folder / "of_a_file.job.pbtxt"
        job.write_text(f'data {{ path: "{self.data}" }} model {{ file: "branches.model.pbtxt" }} batch: 32 epochs: 1')
        model = self.folder / "branches.model.pbtxt"
        model.write_text(sample.GRAPH.replace("dense { units: 5 }", "dense {}"))
        shown = self.done("model", "show", job)
        for words in ("concatenation of 4", "product by channel", "concatenate_1 reads one, three, pool, in"):
            self.assertIn(words, shown)
        layers = {layer["name"]: layer for layer in json.loads(self.done("model", "show", job, "--json"))["layers"]}
        self.assertEqual(layers["multiply_1"]["inputs"], ["block", "gate"])
        self.assertEqual(layers["stem"]["inputs"], ["image"])
        self.assertEqual(layers["dense_2"]["output"], "5")
        dot = self.done("model", "show", job, "--dot")
        self.assertEqual(dot.count(" -> "), sum(len(layer["inputs"]) for layer in layers.values()))
        for line in ('"in" -> "concatenate_1";', '"image" -> "stem";', '"gate" -> "multiply_1";'):
            self.assertIn(line, dot)
        # Assignments reach its layers; the resolved job holds them, and the file may go.
        out = self.folder / "of a file"
        self.done("train", job, "--out", out, "--set", "model.layer[14].dropout.rate=0.25", "--set", "name=file")
        model.unlink()
        resolved = (out / "job.pbtxt").read_text()
        self.assertIn("rate: 0.25", resolved)
        self.assertNotIn("file:", resolved)
        self.assertEqual(lockstep("model", "show", job).code, 2)
        self.assertIn("convolution_2", self.done("model", "show", job, "--set", "model.zoo=lenet"))
        other = self.folder / "other.model.pbtxt"
        other.write_text("layer { name: 'only' dense {} }")
        self.assertIn("only", self.done("model", "show", job, "--set", f"model.file={other.name}"))
        self.done("eval", "--checkpoint", out)
        model.write_text("layer { name: 'a' relu {} }\nlayer { input: 'a' dense { units: 0 } }\nlayer { reluu {} }")
        outcome = lockstep("model", "show", job)
        self.assertEqual(outcome.code, 2)
        for words in ("branches.model.pbtxt:2: layer[1].dense.units", "branches.model.pbtxt:3: layer[2]"):
            self.assertIn(words, outcome.err)

    def test_show_a_model_file(self):
        model = self.folder / "alone.model.pbtxt"
        model.write_text("layer { name: 'c' convolution { filters: 8 kernel: 3 padding: SAME } }\nlayer { name: 'r' relu {} }\n"
                         "layer { name: 'p' max_pooling { kernel: 2 } }\nlayer { name: 'd' dense {} }\n")
        shape = ("--image", "12x10x3", "--classes", "7")
        shown = self.done("model", "show", model, *shape, "--batch", "4")
        self.assertIn("images of 12 x 10 x 3 (height, width, channels), 7 classes, slices of 4 rows", shown)
        layers = json.loads(self.done("model", "show", model, *shape, "--json"))["layers"]
        # In the order of the text, though the ReLU is computed behind the pooling.
        self.assertEqual([(layer["name"], layer["inputs"], layer["output"]) for layer in layers],
                         [("c", ["image"], "8 x 12 x 10"), ("r", ["c"], "8 x 12 x 10"), ("p", ["r"], "8 x 6 x 5"), ("d", ["p"], "7")])
        self.assertIn("behind the pooling", layers[1]["kernels"])
        self.assertNotIn(" reads ", shown)
        self.assertIn('"r" -> "p";', self.done("model", "show", model, *shape, "--dot"))
        self.assertIn("5x5", self.done("model", "show", model, *shape, "--set", "model.layer[0].convolution.kernel=5"))
        bench = self.done("bench", "--model", model, *shape, "--batch", "8", "--steps", "1", "--warm-up", "1")
        self.assertIn("images/s", bench)
        for arguments in ((), ("--image", "12x10x3"), ("--classes", "7")):
            outcome = lockstep("model", "show", model, *arguments)
            self.assertEqual(outcome.code, 2)
            self.assertIn("give --image HEIGHTxWIDTHxCHANNELS and --classes K", outcome.err)
        named = self.folder / "named.model.pbtxt"
        named.write_text("zoo: 'lenet'")
        self.assertIn("images of 28 x 28 x 1", self.done("model", "show", named))
        for target in (self.folder, self.folder / "none.model.pbtxt"):
            outcome = lockstep("model", "show", target, *shape)
            self.assertEqual(outcome.code, 2)
            self.assertIn("neither a file nor a built-in network", outcome.err)

    def test_a_wrong_model_is_told_at_its_line(self):
        model = self.folder / "wrong.model.pbtxt"
        model.write_text("layer { name: 'a' convolution { filters: 8 kernel: 3 groups: 3 } }\n"
                         "layer { input: 'b' relu {} }\nlayer { name: 'b' tanh {} }\n"
                         "layer { dense { units: 4 } }")
        job = self.folder / "wrong.job.pbtxt"
        job.write_text(f'data {{ path: "{self.data}" }} model {{ file: "wrong.model.pbtxt" }} batch: 32 epochs: 1')
        faults = (":1: layer[0].convolution.groups: expected a divisor of both",
                  ':2: layer[1].input[0]: a layer reads earlier ones, and "b" stands later: put it before this one',
                  ":4: layer[3]: the last layer must give one value a class: expected 5 values a row, got 4 (4)")
        shape = ("--image", "12x12x1", "--classes", "5")
        for command in (("model", "show", job), ("model", "show", model, *shape), ("train", job, "--out", self.folder / "wrong"),
                        ("bench", "--model", job), ("bench", "--model", model, *shape)):
            with self.subTest(command):
                outcome = lockstep(*command)
                self.assertEqual(outcome.code, 2, outcome.text)
                for fault in faults:
                    self.assertIn(f"{model}{fault}", outcome.err)
        outcome = lockstep("model", "show", model, "--image", "65536x65536x1", "--classes", "5")
        self.assertEqual(outcome.code, 2)
        self.assertIn("model: the pixels of a slice are too many", outcome.err)

    def test_bench(self):
        command = [BIN / "lockstep", "bench", "--model", "lenet", "--batch", "32", "--steps", "4", "--warm-up", "2"]
        report = json.loads(Run(mpirun(2, *command, "--json")).wait().out)
        self.assertEqual((report["ranks"], report["batch"], report["slices"], report["steps"]), (2, 32, 2, 4))
        self.assertAlmostEqual(report["images_per_second"] * report["step_seconds"], 32)
        peak = report["peak_fma_flops_per_second"]
        self.assertAlmostEqual(report["share_of_peak"], report["flops_per_second"] / peak)
        # By hand, of a row: three passes over each layer, two over the first.
        work = 2 * (2 * 288 * 784 + 3 * (18432 * 196 + 3136 * 128 + 128 * 10)) * 32
        self.assertAlmostEqual(report["flops_per_second"] * report["step_seconds"] / work, 1)
        self.assertLess(abs(sum(report["seconds"].values()) / report["step_seconds"] - 1), 0.2)
        convolution = [line["pass"] for line in report["kernels"] if line["layer"] == "convolution_2"]
        self.assertLessEqual({"forward", "weights", "data"}, set(convolution))
        table = Run([*command, "--precision", "bf16", "--image", "20x24x1"]).wait()
        for words in ("images/s", "bf16", "20 x 24 x 1", "of the peak", "reduction", "convolution_2"):
            self.assertIn(words, table.out, table.err)
        self.assertIn("images/s", self.done("bench", "--model", self.job, "--steps", "2"))
        for wrong in (["--slices", "5"], ["--image", "28"], ["--set", "no.such=1"], ["--model", "lenot"],
                      ["--set", "optimizer.adam.beta1=0.8", "--set", "optimizer.sgd.momentum=0.5"],
                      ["--set", "batch=64"], ["--set", "execution.precision=BF16", "--precision", "fp32"]):
            with self.subTest(wrong):
                self.assertEqual(Run([*command, *wrong]).wait().code, 2)

    def test_bench_refuses_slow_kernels(self):
        """Without AVX, oneDNN has only a matrix product for a grey image's convolution."""
        bench = [BIN / "lockstep", "bench", "--model", "lenet", "--batch", "8", "--steps", "1", "--warm-up", "1"]
        for instructions, code in (("SSE41", 1), ("AVX2", 0)):
            outcome = Run(bench, {"ONEDNN_MAX_CPU_ISA": instructions}).wait()
            self.assertEqual(outcome.code, code, outcome.text)
            self.assertEqual("slow kernels" in outcome.err and "gemm" in outcome.err, code == 1, outcome.err)

    def test_bench_of_sums_and_of_the_loader(self):
        bench = [BIN / "lockstep", "bench", "--json"]
        report = json.loads(Run(mpirun(2, *bench, "--reduce", "--most-bytes", "4096")).wait().out)
        self.assertEqual({line["bytes"] for line in report["reductions"]}, {4, 64, 1024, 4096})
        self.assertEqual({line["way"] for line in report["reductions"]},
                         {"shared memory", "halving and doubling", "the same in bf16", "MPI_Allreduce"})
        self.assertGreater(min(line["seconds"] for line in report["reductions"]), 0)
        rows = json.loads(Run(mpirun(2, *bench, "--model", self.job, "--data", "--seconds", "0.5")).wait().out)
        self.assertGreater(rows["rows_per_second"], 0)
        self.assertAlmostEqual(rows["stored_bytes_per_second"] / rows["rows_per_second"], sample.SIDE ** 2)

    def test_checkpoint_verbs(self):
        final = self.final("reference")
        self.assertEqual(self.done("checkpoint", "verify", self.reference).count(": ok"), 3)
        listed = json.loads(self.done("checkpoint", "ls", self.reference, "--json"))
        self.assertEqual([line["step"] for line in listed], [18, 36, 54])
        self.assertIn("parameters/", self.done("checkpoint", "show", final))
        shown = json.loads(self.done("checkpoint", "show", final, "--json"))
        self.assertEqual(shown["step"], sample.STEPS)
        job = self.done("checkpoint", "show", final, "--job")
        self.assertEqual(job, (self.reference / "job.pbtxt").read_text())
        truncated = self.folder / "truncated.h5"
        truncated.write_bytes(final.read_bytes()[:-1])
        self.assertIn("torn", self.done("checkpoint", "verify", truncated, code=3))

    def test_the_resolved_job_is_the_same_job(self):
        job = self.folder / "resolved.pbtxt"
        job.write_text((self.reference / "job.pbtxt").read_text())
        self.train(2, "resolved", job=job)
        self.assert_identical("reference", "resolved")

    def test_data_info(self):
        self.assertIn("train: 600 images, 12 x 12 x 1 uint8", self.done("data", "info", self.data))
        deflated = sample.write_dataset(self.folder / "deflated.h5", chunks=(16, 12, 12, 1), compression="gzip",
                                        shuffle=True)
        self.assertIn("deflate", self.done("data", "info", deflated))
        self.train(2, "deflated", "--set", f'data.path="{deflated}"')
        self.assert_identical("reference", "deflated")

    def test_three_dimensions_and_floats(self):
        def as_floats(images, labels):
            return images[..., 0].astype("float32") / 255, labels

        path = sample.write_dataset(self.folder / "floats.h5", as_floats)
        self.done("data", "info", path)
        self.train(2, "floats", "--set", f'data.path="{path}"', "--set", 'data.test=""', "--set", "epochs=1")
        self.assertEqual(metrics(self.folder / "floats", "eval"), [])

    def test_an_installed_tree(self):
        prefix = self.folder / "installed"
        subprocess.run(["cmake", "--install", os.environ["LOCKSTEP_BUILD"], "--prefix", prefix], check=True,
                       capture_output=True)
        program = pathlib.Path(prefix, "bin", "lockstep")
        self.assertIn("train", lockstep("--help", program=program).out)
        outcome = Run(mpirun(2, program, "train", self.job, "--out", self.folder / "by installed")).wait()
        self.assertEqual(outcome.code, 0, outcome.text)
        self.assert_identical("reference", "by installed")
        evaluated = lockstep("eval", "--checkpoint", self.folder / "by installed", program=program)
        self.assertEqual(evaluated.code, 0, evaluated.text)

    def test_an_error_under_json_is_an_object(self):
        nowhere = self.folder / "nowhere"
        bad_spec = self.folder / "bad.sweep.pbtxt"
        bad_spec.write_text("limits { trials: many }\nnonsense: 1\n")
        for command in (["eval", "--checkpoint", nowhere], ["eval"], ["checkpoint", "ls", nowhere],
                        ["checkpoint", "show", nowhere], ["checkpoint", "diff", nowhere, nowhere], ["checkpoint", "show"],
                        ["data", "info", nowhere], ["data", "info", nowhere, "more"], ["model", "show", "nothing"],
                        ["model"], ["bench", "--model", "nothing"], ["bench"], ["bench", "--batch", "many"],
                        ["sweep", "--server", "127.0.0.1:1", "--token-file", nowhere, "ls"],
                        ["sweep", "--state", nowhere, "show", "s1"], ["sweep", "submit", bad_spec], ["sweep"], ["nothing"]):
            with self.subTest(command=[str(word) for word in command]):
                environment = {"XDG_RUNTIME_DIR": "", "TMPDIR": str(self.folder), "HOME": str(self.folder)}
                plain = Run([BIN / "lockstep", *command], environment).wait(60)
                outcome = Run([BIN / "lockstep", *command, "--json"], environment).wait(60)
                self.assertNotEqual(outcome.code, 0, outcome.text)
                self.assertEqual(outcome.code, plain.code, plain.text + outcome.text)
                self.assertEqual(outcome.out, "")
                error = json.loads(outcome.err.splitlines()[-1])["error"]
                self.assertEqual(error["exit_code"], outcome.code)
                self.assertTrue(error["message"] and error["code"].isupper(), error)
                self.assertFalse(plain.err.startswith("{"), plain.err)


if __name__ == "__main__":
    unittest.main()
