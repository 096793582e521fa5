"""Several labels, numbers, masks: each through training, kills, other numbers of ranks, evaluation, a sweep, its best."""

import json
import shutil
import unittest

import sample
import tasks
from coordinator_case import CoordinatorCase
from run import lockstep
from training_case import TrainingCase, metrics, steps_of

SPEC = """name: "%(name)s"
job_file: "%(name)s.job.pbtxt"
job { data { hold_out { share: 0.25 } } }
parameter { name: "peak" path: "schedule.one_cycle.peak" float { min: 0.0003 max: 0.02 log: true } }
objective { metric_name: "%(metric)s" }
scheduler { asha { min_epochs: 1 eta: 2 } }
limits { trials: 8 parallel: 2 }
"""


class TasksTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.jobs = {task.name: task.write(cls.folder) for task in tasks.TASKS}

    def each_task(self, check):
        for task in tasks.TASKS:
            with self.subTest(task.name):
                check(task, self.jobs[task.name])

    def test_the_planted_is_found_on_any_number_of_ranks(self):
        self.each_task(self.check_found)

    def check_found(self, task, job):
        for ranks in (1, 2, 4, 8):
            self.train(ranks, f"{task.name} {ranks}", job=job)
            self.assert_identical(f"{task.name} 1", f"{task.name} {ranks}")
        told, *others = [[(line["loss"], line[task.metric]) for line in
                          metrics(self.folder / f"{task.name} {ranks}", "eval")] for ranks in (1, 2, 4, 8)]
        self.assertEqual(others, [told, told, told], "evaluations differ with the number of ranks")
        self.assertEqual(len(told), task.epochs)
        self.assertGreater(told[-1][1], task.at_least)
        self.check_evaluation(task, f"{task.name} 1", told[-1])

    def check_evaluation(self, task, out, told):
        found = json.loads(lockstep("eval", "--checkpoint", self.folder / out, "--json").out)
        self.assertEqual((found["loss"], found["metrics"][task.metric]), told)
        for name in task.names:
            self.assertGreater(found["metrics"][f"{task.each}/{name}"], task.at_least)
        table = lockstep("eval", "--checkpoint", self.folder / out).out
        for words in (task.metric, *task.names):
            self.assertIn(words, table)

    def test_killed_and_gone_on_with_on_other_ranks(self):
        self.each_task(self.check_kills)

    def check_kills(self, task, job):
        for precision in ("FP32", "BF16"):
            type_of = ("--set", f"execution.precision={precision}")
            out, calm = f"{task.name} {precision}", f"{task.name} {precision} calm"
            self.train(2, calm, *type_of, job=job)
            for ranks, step in ((4, 7), (1, 33)):
                run = self.start(ranks, out, *type_of, "--set", "checkpoint.every_steps=3", "--set",
                                 "reporting.every_steps=1", job=job)
                self.wait_for_step(run, out, step)
                run.kill_all()
                run.wait()
                self.assertLess(steps_of(self.folder / out)[-1], 20 * task.epochs, "it was not interrupted")
            self.train(2, out, *type_of, job=job)
            self.assert_identical(calm, out)
            self.assertEqual(metrics(self.folder / out, "eval"), metrics(self.folder / calm, "eval"))

    def test_a_network_alone(self):
        """A checkpoint without a job is evaluated, and begun from; it is no run to go on with."""
        self.each_task(self.check_alone)

    def check_alone(self, task, job):
        out = f"{task.name} to be alone"
        self.train(1, out, "--set", "epochs=1", job=job)
        alone = self.folder / f"{task.name}.h5.alone"
        shutil.copy(self.final(out), alone)
        sample.change_checkpoint(alone, lambda file: file.attrs.pop("job"))
        whole = json.loads(lockstep("eval", "--checkpoint", self.folder / out, "--json").out)
        found = json.loads(lockstep("eval", "--checkpoint", alone, "--data", self.folder / f"{task.name}.h5", "--json").out)
        # In slices of another size, which round otherwise.
        self.assertAlmostEqual(found["loss"], whole["loss"], places=4)
        self.assertEqual(found["metrics"].keys(), whole["metrics"].keys())
        self.assertAlmostEqual(found["metrics"][task.metric], whole["metrics"][task.metric], places=3)
        self.assertIn("names no data: expected --data", lockstep("eval", "--checkpoint", alone).err)
        self.assertEqual(lockstep("checkpoint", "show", alone).code, 0)
        self.train(1, f"{task.name} from alone", "--init-from", alone, "--set", "epochs=1", job=job)
        shutil.copy(alone, self.final(out))
        outcome = self.train(1, out, "--set", "epochs=1", job=job, code=3)
        self.assertIn("a network alone: expected a checkpoint with the job", outcome.err)


class TaskSweepTest(CoordinatorCase):
    def test_eight_trials_each(self):
        for number, task in enumerate(tasks.TASKS, 1):
            with self.subTest(task.name):
                task.write(self.folder)
                spec = self.folder / f"{task.name}.sweep.pbtxt"
                spec.write_text(SPEC % {"name": task.name, "metric": task.metric})
                it = self.coordinator(f"{task.name} state")
                it.sweep("submit", spec)
                self.wait_for(it, "COMPLETED")
                trials = it.trials()
                self.assertEqual(len(trials), 8)
                best = max(trials, key=lambda trial: trial["value"])
                self.assertGreater(best["value"], task.at_least)
                path = it.sweep("best", "s1", "--path").strip()
                found = json.loads(lockstep("eval", "--checkpoint", path, "--split", "validation", "--json").out)
                self.assertEqual(found["metrics"][task.metric], best["value"])
                tested = json.loads(lockstep("eval", "--checkpoint", path, "--json").out)
                told = json.loads(it.sweep("best", "s1", "--json"))["final_test"]
                figures = {it["name"]: it["value"] for it in told["metric"]}
                self.assertEqual(figures[task.metric], tested["metrics"][task.metric])
                self.assertGreater(figures[task.metric], task.at_least)
                it.end()
                shutil.rmtree(self.folder / f"{task.name} state")


if __name__ == "__main__":
    unittest.main()
