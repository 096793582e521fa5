"""What follows a training: the average of its weights; a rate and an end that evaluations decide; more epochs."""

import json
import re
import signal
import unittest

import h5py
import numpy

import sample
from coordinator_case import CoordinatorCase
from run import lockstep
from training_case import TrainingCase, checkpoints, metrics, steps_of

RANKS = (1, 2, 4, 8)
SCHEDULE = "schedule { one_cycle { peak: 0.1 warm_up_epochs: 1 } }"
AVERAGE = "average { decay: 0.9 }"
PLATEAU = """schedule { plateau { learning_rate: 0.1 factor: 0.3 patience: 0 metric: "loss" min_delta: 0.05 } }
evaluate { every_steps: 5 metric: ["accuracy", "macro_f1"] }"""
STOP = 'stop_when { patience: 2 min_delta: 2 }'  # nothing improves by so much


def write_job(folder, name, data, more, schedule=SCHEDULE, clip=""):
    path = sample.write_job(folder / f"{name}.job.pbtxt", data, clip=clip)
    path.write_text(path.read_text().replace(SCHEDULE, schedule) + more)
    return path


class FollowingTest(TrainingCase):
    def job_of(self, name, more, **how):
        return write_job(self.folder, name, self.data, more, **how)

    def test_the_average_on_any_number_of_ranks_and_gone_on_with(self):
        for name, clip, precision in (("parts", "", "FP32"), ("parts", "", "BF16"), ("whole", "clip_global_norm: 5", "FP32")):
            job = self.job_of(f"average {name}", AVERAGE, clip=clip)
            type_of = ("--set", f"execution.precision={precision}")
            for ranks in RANKS:
                self.train(ranks, f"{name} {precision} {ranks}", *type_of, job=job)
                self.assert_identical(f"{name} {precision} 1", f"{name} {precision} {ranks}")
            out = f"{name} {precision} killed"
            run = self.start(4, out, *type_of, "--set", "checkpoint.every_steps=4", job=job)
            self.wait_for_step(run, out, 21)
            run.kill_all()
            run.wait()
            self.train(2, out, *type_of, job=job)
            self.assert_identical(f"{name} {precision} 1", out)
            told = [[(line["loss"], line["accuracy"]) for line in metrics(self.folder / it, "eval")]
                    for it in (f"{name} {precision} 1", f"{name} {precision} 8", out)]
            self.assertEqual(told[1:], [told[0], told[0]])

    def test_the_average_is_what_is_used(self):
        job = self.job_of("used", AVERAGE)
        self.train(2, "used", "--set", "checkpoint.every_steps=1", "--set", "checkpoint.keep_last=0", job=job)
        expected = {}
        for step, path in enumerate(checkpoints(self.folder / "used"), 1):
            with h5py.File(path, "r") as file:
                now = {}
                for group in ("parameters", "buffers"):
                    file[group].visititems(lambda name, item, group=group: now.update({f"{group}/{name}": item[()]})
                                           if isinstance(item, h5py.Dataset) else None)
                decay = min(0.9, (1 + step) / (10 + step))
                for name, values in now.items():
                    if step > 1:
                        expected[name] = expected[name] + (1 - decay) * (values - expected[name])
                    else:
                        expected[name] = file[f"average/{name}"][()]
                    numpy.testing.assert_allclose(file[f"average/{name}"][()], expected[name], rtol=1e-4, atol=1e-5)
        self.assertEqual(step, sample.STEPS)
        report = json.loads(lockstep("eval", "--checkpoint", self.folder / "used", "--json").out)
        told = metrics(self.folder / "used", "eval")[-1]
        self.assertEqual((report["loss"], report["top1"]), (told["loss"], told["accuracy"]))
        last = json.loads(lockstep("eval", "--checkpoint", self.folder / "used", "--last-weights", "--json").out)
        self.assertNotEqual(last["loss"], report["loss"])
        # Another run that begins from it takes the average too.
        for out, text in (("from average", job), ("from file", job)):
            self.train(1, out, "--init-from", self.folder / "used", "--set", "epochs=1", "--set",
                       "execution.stop_after_epochs=1", "--set", "optimizer.sgd.momentum=0", "--set",
                       "schedule={constant { learning_rate: 0 }}", "--set", "average={decay: 0}", job=text)
        with h5py.File(self.final("from average"), "r") as begun, h5py.File(self.final("used"), "r") as file:
            weights = "parameters/dense_1/weights"
            self.assertTrue((begun[weights][()] == file[f"average/{weights}"][()]).all())

    def test_training_itself_does_not_change(self):
        self.train(1, "without", job=self.job_of("without", ""))
        self.train(1, "with", job=self.job_of("with", AVERAGE))
        with h5py.File(self.final("without"), "r") as a, h5py.File(self.final("with"), "r") as b:
            for group in ("parameters", "optimizer", "buffers"):
                a[group].visititems(lambda name, item, group=group: self.assertTrue(
                    not isinstance(item, h5py.Dataset) or (item[()] == b[group][name][()]).all(), name))

    def test_a_plateau_on_any_number_of_ranks_and_gone_on_with(self):
        job = self.job_of("plateau", "", schedule=PLATEAU)
        for ranks in RANKS:
            self.train(ranks, f"plateau {ranks}", job=job)
            self.assert_identical("plateau 1", f"plateau {ranks}")
        rates = [line["learning_rate"] for line in metrics(self.folder / "plateau 1", "train")]
        losses = {line["step"]: line["loss"] for line in metrics(self.folder / "plateau 1", "eval")}
        self.assertEqual(sorted(losses), sorted({*range(5, sample.STEPS + 1, 5), 18, 36, 54}))
        best, rate, expected = None, 0.1, []
        for step in range(1, sample.STEPS + 1):
            expected.append(rate)
            if step in losses:
                if best is None or best - losses[step] > 0.05:
                    best = losses[step]
                else:
                    rate *= 0.3
        self.assertGreater(len(set(rates)), 2, "the rate never fell")
        numpy.testing.assert_allclose(rates, expected, rtol=1e-5)
        run = self.start(2, "plateau killed", "--set", "checkpoint.every_steps=4", job=job)
        self.wait_for_step(run, "plateau killed", 26)
        run.signal(run.ranks().values(), signal.SIGKILL)
        run.wait()
        self.assertLess(steps_of(self.folder / "plateau killed")[-1], sample.STEPS)
        self.train(4, "plateau killed", job=job)
        self.assert_identical("plateau 1", "plateau killed")

    def test_who_follows_evaluations_needs_the_same_ones(self):
        job = self.job_of("followed", "", schedule=PLATEAU)
        self.train(1, "followed", "--set", "execution.stop_after_epochs=1", job=job, code=75)
        for setting, words in (("evaluate.every_steps=6", "evaluate.every_steps: 5, 6"),
                               ("evaluate.rows=100", "evaluate.rows: 0, 100"),
                               ('evaluate.metric=["macro_f1"]', "evaluate.metric[0]: accuracy, macro_f1")):
            outcome = self.train(1, "followed", "--set", setting, job=job, code=2)
            self.assertIn(words, outcome.err)
        other = sample.write_dataset(self.folder / "other.h5")
        with h5py.File(other, "r+") as file:
            file["test/images"][7] = file["test/images"][8]
        outcome = self.train(1, "followed", "--set", f"data.path={other}", job=job, code=3)
        self.assertIn("other test rows", outcome.err)
        calm = self.job_of("calm", "", schedule="schedule { constant {} }")
        self.train(1, "calm", "--set", "execution.stop_after_epochs=1", job=calm, code=75)
        self.train(1, "calm", "--set", f"data.path={other}", "--set", "evaluate.rows=100", job=calm)

    def test_an_early_end(self):
        job = self.job_of("early", STOP)
        for ranks in RANKS:
            outcome = self.train(ranks, f"early {ranks}", job=job)
            self.assertIn("accuracy has not improved for 2 evaluations", outcome.out)
            self.assert_identical("early 1", f"early {ranks}")
        out = self.folder / "early 1"
        self.assertEqual([line["epoch"] for line in metrics(out, "eval")], [1, 2, 3])
        long = ("--set", "epochs=9", "--set", "schedule={constant { learning_rate: 0.05 }}")
        self.train(2, "early of nine", *long, job=job)
        end = metrics(self.folder / "early of nine", "end")[-1]
        self.assertEqual((end["outcome"], end["step"]), ("done", sample.STEPS))
        self.assertIn("ended early", end["reason"])
        before = self.final("early of nine").read_bytes()
        self.train(1, "early of nine", *long, job=job)
        self.train(1, "early of nine", *long, "--set", "execution.stop_after_epochs=5", job=job)
        self.assertEqual(self.final("early of nine").read_bytes(), before, "the same command changed what was done")
        self.assertEqual(steps_of(self.folder / "early of nine")[-1], sample.STEPS)

    def test_more_epochs(self):
        for name, schedule in (("constant", "constant { learning_rate: 0.05 warm_up_epochs: 1 }"),
                               ("step", "step_decay { learning_rate: 0.05 every_epochs: 1.5 }"),
                               ("exponential", "exponential { learning_rate: 0.05 factor: 0.7 }"),
                               ("plateau", "plateau { learning_rate: 0.05 patience: 0 }")):
            job = self.job_of(f"more {name}", "", schedule=f"schedule {{ {schedule} }}")
            self.train(1, f"straight {name}", "--set", "epochs=4", job=job)
            self.train(2, f"more {name}", "--set", "epochs=2", job=job)
            self.train(1, f"more {name}", "--set", "epochs=4", job=job)
            self.assert_identical(f"straight {name}", f"more {name}")
        # What was evaluated because the run ended there decides nothing when it goes on.
        job = self.job_of("more beside", "evaluate { every_epochs: 3 }",
                          schedule="schedule { plateau { learning_rate: 0.05 patience: 0 min_delta: 9 } }")
        self.train(1, "straight beside", "--set", "epochs=5", job=job)
        self.train(2, "more beside", "--set", "epochs=2", job=job)
        self.train(1, "more beside", "--set", "epochs=5", job=job)
        self.assertEqual([[line["epoch"] for line in metrics(self.folder / name, "eval")]
                          for name in ("straight beside", "more beside")], [[3, 5], [2, 3, 5]])
        self.assert_identical("straight beside", "more beside")
        outcome = self.train(1, "more constant", "--set", "epochs=3", job=self.folder / "more constant.job.pbtxt", code=2)
        self.assertIn("epochs: 4, 3", outcome.err)
        job = self.job_of("cycle", "")
        self.train(1, "cycle", "--set", "epochs=1", job=job)
        self.assertIn("epochs: 1, 2", self.train(1, "cycle", "--set", "epochs=2", job=job, code=2).err)

    def test_weights_of_classes_and_labels(self):
        """A class that counts more is missed less; balanced weights and an ignored class, on any number of ranks."""
        settings = {"one": ("loss.softmax_cross_entropy.class_weight=[20, 1, 1, 1, 1]",),
                    "balanced": ("loss.softmax_cross_entropy.balanced=true",),
                    "ignored": ("loss.softmax_cross_entropy.ignored_label=2",)}
        for name, setting in settings.items():
            words = [word for each in setting for word in ("--set", each)]
            for ranks in (1, 2, 4):
                self.train(ranks, f"{name} {ranks}", *words)
                self.assert_identical(f"{name} 1", f"{name} {ranks}")
            self.train(1, f"{name} 1", *words)  # resolved weights are the same job
        job = (self.folder / "balanced 1" / "job.pbtxt").read_text()
        weights = [float(value) for value in re.findall(r"class_weight: ([0-9.]+)", job)]
        with h5py.File(self.data, "r") as file:
            counts = numpy.bincount(file["train/labels"][()])
        numpy.testing.assert_allclose(weights, counts.sum() / (5 * counts), rtol=1e-5)
        recall = {name: {it["name"]: it["recall"] for it in json.loads(
            lockstep("eval", "--checkpoint", self.folder / f"{name} 1", "--json").out)["classes"]} for name in settings}
        self.assertGreater(recall["one"]["lines"], 0.95)
        self.assertIsNone(recall["ignored"]["board"])


class EarlyTrialsTest(CoordinatorCase):
    def test_a_trial_that_ends_early_is_completed(self):
        it = self.coordinator("early")
        it.sweep("submit", self.spec("early", trials=3, epochs=9, job=STOP))
        self.wait_for(it, "COMPLETED")
        for trial in it.trials():
            self.assertEqual(trial["state"], "TRIAL_COMPLETED")
            self.assertEqual(len(trial["evaluation"]), 3)
            self.assertIn("ended early, after 3 of 9 epochs", trial["reason"])


if __name__ == "__main__":
    unittest.main()
