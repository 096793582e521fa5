"""Sweeps: submitted, watched, paused, stopped; the best network; what a coordinator refuses."""

import json
import os
import re
import signal
import stat
import time
import unittest

import h5py

import sample
from coordinator_case import CoordinatorCase
from run import BIN, Run, lockstep, wait_until

LEASE_SECONDS = 5
PAUSE_SECONDS = 11
PAUSES = 2
PROMOTE = "scheduler { asha { min_epochs: 1 eta: 2 promote: true } }"
HALVING = "scheduler { successive_halving { min_epochs: 1 eta: 2 } }"


class SweepTest(CoordinatorCase):
    def test_from_submit_to_best(self):
        it = self.coordinator("whole")
        self.assertEqual(it.sweep("submit", self.spec("whole", ranks=2), "--request-id", "a"), "s1\n")
        self.assertEqual(it.sweep("submit", self.spec("whole", ranks=2), "--request-id", "a"), "s1\n")
        self.assertIn("used for another sweep", it.sweep("submit", self.spec("other", trials=3), "--request-id", "a", code=1))
        lines = it.sweep("watch", "s1").split("\n")
        self.assertTrue(any("trial 3 epoch 3: loss" in line for line in lines), lines)
        self.assertEqual(it.view()["state"], "SWEEP_COMPLETED")
        trials = it.trials()
        self.assertEqual([trial["state"] for trial in trials], 4 * ["TRIAL_COMPLETED"])
        self.assertEqual([len(trial["evaluation"]) for trial in trials], 4 * [3])
        best = max(trials, key=lambda trial: trial["value"])
        told = json.loads(it.sweep("best", "s1", "--json"))
        self.assertEqual(told["trial"], best["trial"])
        path = it.sweep("best", "s1", "--path").strip()
        accuracy = json.loads(lockstep("eval", "--checkpoint", path, "--split", "validation", "--json").out)["top1"]
        self.assertAlmostEqual(accuracy, best["value"], places=6)
        # Nothing is chosen by the test split: of all networks the best one alone is tested, once.
        tested = json.loads(lockstep("eval", "--checkpoint", path, "--json").out)
        self.assertEqual((tested["split"], tested["loss"]), ("test", told["final_test"]["loss"]))
        kept = list(it.state.rglob("final_test.json"))
        self.assertEqual(len(kept), 1, kept)
        before = kept[0].stat().st_mtime_ns
        self.assertRegex(it.sweep("best", "s1"), r"test +loss [0-9.]+, accuracy [0-9.]+")
        self.assertEqual(kept[0].stat().st_mtime_ns, before)
        for out in it.state.rglob("metrics.jsonl"):
            self.assertNotIn("final_test", out.read_text())
        self.assertEqual(len(it.sweep("export", "s1", "csv").strip().split("\n")), 5)
        self.assertIn("best value of its trial", it.sweep("gc", "s1", "--dry-run"))
        self.assertIn("accuracy", it.sweep("logs", "s1", "0"))

    def test_plan_says_what_it_takes(self):
        it = self.coordinator("plan")
        spec = self.spec("plan", trials=3, epochs=4, ranks=2)
        plan = json.loads(it.sweep("plan", spec, "--json"))
        self.assertEqual((plan["trials"], plan["parallel"], plan["epochs"]), (3, 1, 12))
        self.assertGreater(plan["epoch_seconds"], 0)
        self.assertAlmostEqual(plan["seconds"], 12 * plan["epoch_seconds"])
        self.assertAlmostEqual(plan["core_hours"], 2 * plan["seconds"] / 3600)
        self.assertIn("at 10 s an epoch: about 2:00, 0.0667 core-hours", it.sweep("plan", spec, "--epoch-seconds", "10"))
        data = self.folder / "sample.h5"
        data.rename(self.folder / "away.h5")
        try:
            outcome = Run([BIN / "lockstep", "sweep", "--server", it.address, "--token-file", it.state / "token", "plan",
                           spec]).wait(60)
        finally:
            (self.folder / "away.h5").rename(data)
        self.assertEqual(outcome.code, 0, outcome.text)
        self.assertIn("no estimate of time and cost: lockstep bench of the base job", outcome.err)
        self.assertIn("3 trials, 1 at a time, about 12 epochs", outcome.out)
        for place in (self.folder / "nowhere", self.folder / "sample.h5"):
            outcome = Run([BIN / "lockstep", "sweep", "--server", it.address, "--token-file", it.state / "token", "plan",
                           spec], {"TMPDIR": str(place)}).wait(60)
            self.assertEqual(outcome.code, 0, outcome.text)
            self.assertIn("set TMPDIR to one that can be written", outcome.err)
        it.sweep("submit", spec)
        self.assertTrue(wait_until(it.trials, 30, 0.1))
        self.assertEqual(it.trials()[0]["assignment"], plan["suggestion"][0]["assignment"])
        it.sweep("stop", "s1")

    def test_halving_trains_the_best_on(self):
        it = self.coordinator("halving")
        it.sweep("submit", self.spec("halving", trials=4, epochs=4, more=HALVING))
        self.wait_for(it, "COMPLETED")
        trials = it.trials()
        self.assertEqual(sorted(len(trial["evaluation"]) for trial in trials), [1, 1, 2, 4])
        first = sorted(trials, key=lambda trial: (-trial["evaluation"][0]["accuracy"], trial["trial"]))
        self.assertEqual({trial["trial"] for trial in trials if len(trial["evaluation"]) > 1},
                         {trial["trial"] for trial in first[:2]})

    def test_pause_goes_on_exactly(self):
        it = self.coordinator("pause")
        # So many epochs that the sweep is not at its end before the pause, however slow the commands are.
        spec = self.spec("pause", trials=2, epochs=150)
        it.sweep("submit", spec, "--validate-only")
        it.sweep("submit", spec)
        self.assertTrue(wait_until(lambda: any(trial["epoch"] >= 1 for trial in it.trials()), 60, 0.05))
        it.sweep("pause", "s1")
        self.wait_for(it, "PAUSED")
        self.assertFalse(it.processes(), "trials run in a paused sweep")
        it.sweep("resume", "s1")
        self.wait_for(it, "COMPLETED")
        undisturbed = self.coordinator("pause not")
        undisturbed.sweep("submit", spec)
        self.wait_for(undisturbed, "COMPLETED")
        self.assertGreater(max(trial["attempts"] for trial in it.trials()), 1, "nothing was interrupted")
        for one, other in zip(it.trials(), undisturbed.trials()):
            self.assertEqual(one["evaluation"], other["evaluation"])

    def test_stop_and_what_is_then_possible(self):
        it = self.coordinator("stop")
        it.sweep("submit", self.spec("stop", trials=4, epochs=1000))
        self.assertTrue(wait_until(lambda: it.processes("lockstep-train"), 30))
        self.assertIn("stop it first", it.sweep("delete", "s1", code=1))
        it.sweep("stop", "s1")
        self.wait_for(it, "STOPPED")
        self.assertFalse(it.processes())
        self.assertIn("only a paused one goes on", it.sweep("resume", "s1", code=1))
        it.sweep("delete", "s1")
        self.assertIn("no sweep `s1`", it.sweep("show", "s1", code=2))

    def test_bad_sweeps_name_every_fault(self):
        it = self.coordinator("bad")
        more = 'parameter { name: "peak" path: "schedule.one_cycle.peak" float { min: 2 max: 1 } } ' \
               'parameter { name: "depth" path: "model.deep" int { min: 1 max: 2 } condition { parameter: "x" is: "y" } }'
        text = it.sweep("submit", self.spec("bad", ranks=3, more=more), code=2)
        for fault in ("parameter[2].name", "parameter[2].float", "parameter[3].condition", "a trial needs 3 cores", "does not divide"):
            self.assertIn(fault, text)
        more = 'parameter { name: "depth" path: "model.deep" int { min: 1 max: 2 } }'
        self.assertIn("the job does not take it", it.sweep("submit", self.spec("bad", more=more), code=2))
        more = 'parameter { name: "kind" categorical { choice { name: "sgd" } ' \
               'choice { name: "adam" set: "optimizer.adam.beta1=0.8" } } }'
        text = it.sweep("submit", self.spec("bad", more=more), code=2)
        for words in ("parameter[2]", '"kind" (choice "adam")', "undoes optimizer.sgd.momentum", '"momentum"'):
            self.assertIn(words, text)
        self.assertIn("no sweeps", it.sweep("ls"))

    def test_trials_that_cannot_work_are_not_tried_again(self):
        it = self.coordinator("infeasible")
        # Only who counts the rows knows it.
        more = 'parameter { name: "batch" categorical { choice { name: "huge" set: "batch=1024" } } }'
        it.sweep("submit", self.spec("infeasible", trials=2, more=more))
        self.wait_for(it, "COMPLETED")
        for trial in it.trials():
            self.assertEqual((trial["state"], trial["attempts"], trial["exit_code"]), ("TRIAL_INFEASIBLE", 1, 2))

    def test_networks_that_cannot_be_built_are_refused(self):
        it = self.coordinator("networks")
        folder = self.folder / "models"
        folder.mkdir()
        good, huge, wrong = ("layer { name: 'g' convolution { filters: 8 kernel: 3 } }\nlayer { relu {} }\nlayer { dense {} }",
                             "layer { convolution { filters: 8 kernel: 13 } }\nlayer { dense {} }",
                             "layer { relu {} }\nlayer { dense { units: 0 } }")
        for name, text in {"good": good, "huge": huge, "wrong": wrong}.items():
            (folder / f"{name}.model.pbtxt").write_text(text)
        kernel = "model.layer[5].convolution={filters: 16 kernel: %d padding: VALID}"

        def spec(choices, job=""):
            settings = "\n".join(f"choice {{ name: 'c{i}' set: '{it}' }}" for i, it in enumerate(choices))
            text = f"parameter {{ name: 'net' categorical {{\n{settings}\n}} }}" if choices else ""
            written = self.spec("networks", trials=1, epochs=1, job=job, more=text)
            return written.rename(folder / "networks.sweep.pbtxt")

        (folder / "sample.job.pbtxt").write_text((self.folder / "sample.job.pbtxt").read_text())
        first = spec(()).read_text().split("\n").index("") + 1  # of the parameter
        cases = (
            (([kernel % 3, kernel % 9], ""), [f"networks.sweep.pbtxt:{first + 2}: parameter[2].categorical.choice[1]",
                                              "layer[5].convolution.kernel: the image is too small: expected at least 9 x 9"]),
            ((["model.file=good.model.pbtxt", "model.file=huge.model.pbtxt"], ""),
             [f"networks.sweep.pbtxt:{first + 2}: parameter[2].categorical.choice[1]", "expected at least 13 x 13"]),
            ((["loss.auxiliary[0]={ layer: \"global_pooling_1\" }", "loss.auxiliary[0]={ layer: \"none\" }"], ""),
             [f"networks.sweep.pbtxt:{first + 1}: parameter[2].categorical.choice[0]", "global_pooling_1 must give one value",
              f"networks.sweep.pbtxt:{first + 2}: parameter[2].categorical.choice[1]", "none"]),
            ((["model.file=wrong.model.pbtxt"], ""), ["wrong.model.pbtxt:2: layer[1].dense.units: expected at least 1"]),
            ((["model.file=none.model.pbtxt"], ""), [f"networks.sweep.pbtxt:{first + 1}: ", '"none.model.pbtxt" is not there']),
            (((), "model { file: 'huge.model.pbtxt' }"), ["huge.model.pbtxt:1: layer[0].convolution.kernel: the image is too small"]),
            (((), "parameters { match: 'no/*' }"), ["networks.sweep.pbtxt:3: job.parameters[0].match: ", "matches none"]))
        for (choices, job), words in cases:
            with self.subTest(words[-1]):
                for verb in ("submit", "plan"):
                    refused = it.sweep(verb, spec(choices, job), code=2)
                    for word in words:
                        self.assertIn(word, refused)
        self.assertIn("no sweeps", it.sweep("ls"))
        it.sweep("submit", spec(["model.file=good.model.pbtxt"], "model { zoo: 'lenet' }"))
        self.wait_for(it, "COMPLETED")
        self.assertEqual([trial["state"] for trial in it.trials()], ["TRIAL_COMPLETED"])
        resolved = (it.state / "sweeps/s1/trial-00000/run/job.pbtxt").read_text()
        self.assertIn('name: "g"', resolved)

    def test_a_trial_without_data_is_tried_again_when_asked(self):
        it = self.coordinator("retry")
        data = self.folder / "sample.h5"
        whole = data.read_bytes()
        data.write_bytes(whole[:len(whole) // 2])
        try:
            it.sweep("submit", self.spec("retry", trials=1, retries=1))
            self.wait_for(it, "COMPLETED")
        finally:
            data.write_bytes(whole)
        failed = it.trials()[0]
        self.assertEqual((failed["state"], failed["attempts"], failed["exit_code"]), ("TRIAL_FAILED", 2, 3))
        it.sweep("retry", "s1")
        self.wait_for(it, "COMPLETED")
        trial = it.trials()[0]
        self.assertEqual((trial["state"], trial["attempts"], len(trial["evaluation"])), ("TRIAL_COMPLETED", 3, 3))
        self.assertIn("no trial of s1 has failed", it.sweep("retry", "s1", code=1))

    def test_submit_is_answered_over_the_death_of_the_coordinator(self):
        it = self.coordinator("died", {"LOCKSTEP_FAULT": "serve.committed:1:kill"})
        pending = it.begin("submit", self.spec("died", trials=1))
        self.assertTrue(wait_until(lambda: not it.is_up(), 60))  # it has accepted, and has not answered
        self.assertTrue(it.start(), it.run.output())
        outcome = pending.wait(60)
        self.assertEqual((outcome.code, outcome.out), (0, "s1\n"), outcome.text)
        self.assertEqual(len(json.loads(it.sweep("ls", "--json"))["sweep"]), 1)

    def test_submit_tells_its_request_when_nobody_answers(self):
        it = self.coordinator("away")
        it.kill()
        text = it.sweep("submit", self.spec("away", trials=1), code=1)
        request = re.search(r"not known. Ask again with --request-id (\w+)", text)
        self.assertTrue(request, text)
        self.assertTrue(it.start(), it.run.output())
        for _ in range(2):
            self.assertEqual(it.sweep("submit", self.spec("away", trials=1), "--request-id", request.group(1)), "s1\n")
        self.assertEqual(it.sweep("submit", self.spec("away", trials=1)), "s2\n")
        self.assertEqual(it.sweep("submit", self.spec("away", trials=1)), "s3\n")  # each time another one

    def test_without_data_the_sweep_pauses_and_keeps_its_trials(self):
        it = self.coordinator("breaker")
        data = self.folder / "sample.h5"
        data.rename(self.folder / "away.h5")
        try:
            it.sweep("submit", self.spec("breaker", trials=5, retries=1))
            self.wait_for(it, "PAUSED")
            reason = it.view()["reason"]
            self.assertIn("failed one after another without an evaluation", reason)
            self.assertIn("sample.h5", reason)
            self.assertEqual({trial["state"] for trial in it.trials()}, {"TRIAL_WAITING"})
        finally:
            (self.folder / "away.h5").rename(data)
        it.sweep("resume", "s1")
        self.wait_for(it, "COMPLETED")
        self.assertEqual([trial["state"] for trial in it.trials()], 5 * ["TRIAL_COMPLETED"])

    def test_data_that_cannot_be_evaluated_is_refused(self):
        it = self.coordinator("no objective")
        data = self.folder / "sample.h5"
        unjudged = self.folder / "unjudged.h5"
        with h5py.File(data) as whole, h5py.File(unjudged, "w") as file:
            whole.copy("train", file)
            file.attrs.update(whole.attrs)
        more = 'parameter { name: "rows" categorical { choice { name: "a" set: "data.path=%s" } ' \
               'choice { name: "b" set: "data.path=%s" } } }' % (data, unjudged)
        base = {"job": f'data {{ path: "{unjudged}" }}'}
        bad = {"base": base, "name": {"job": 'data { validation: "none" test: "" }'}, "choice": {"more": more}}
        for name, part in bad.items():
            for verb in ((), ("--validate-only",)):
                refused = it.sweep("submit", self.spec(name, **part), *verb, code=2)
                self.assertIn("no trial would ever be evaluated", refused)
        # Nor is one that would choose by the test split; rows that are held out are taken in its place.
        by_test = sample.write_dataset(self.folder / "by test.h5")
        refused = it.sweep("submit", self.spec("by test", job=f'data {{ path: "{by_test}" }}'), code=2)
        self.assertIn("looks better on it than it is", refused)
        self.assertIn("add data { hold_out { share: 0.1 } } to the job", refused)
        held = self.spec("held", job=f'data {{ path: "{by_test}" hold_out {{ share: 0.1 }} }}')
        self.assertIn("the sweep is good", it.sweep("submit", held, "--validate-only"))
        refused = it.sweep("submit", self.spec("both", trials=0, **base), code=2)
        self.assertIn("limits.trials: expected at least 1", refused)
        self.assertIn("no trial would ever be evaluated", refused)
        self.assertIn("no sweeps", it.sweep("ls"))

    def test_trials_without_an_evaluation_fail_and_the_sweep_ends(self):
        # A file that `lockstep data info` refuses for what no trial reads: the submission cannot know.
        unjudged = self.folder / "unknown.h5"
        with h5py.File(self.folder / "sample.h5") as whole, h5py.File(unjudged, "w") as file:
            whole.copy("train", file)
            file.attrs.update(whole.attrs)
            file["other/images"] = whole["test/images"][:]
            file["other/labels"] = whole["test/labels"][:-1]
        for name, scheduler in {"end": "", "halving": HALVING, "promote": PROMOTE}.items():
            it = self.coordinator(f"unjudged {name}")
            it.sweep("submit", self.spec(name, trials=2, retries=1, job=f'data {{ path: "{unjudged}" }}', more=scheduler))
            self.wait_for(it, "COMPLETED")
            for trial in it.trials():
                self.assertEqual(trial["state"], "TRIAL_FAILED", trial)
                self.assertIn("evaluation", trial["reason"])
                self.assertLess(trial["attempts"], 5)
            self.assertIn("no trial has been evaluated", it.sweep("best", "s1", code=1))

    def test_who_may_ask(self):
        it = self.coordinator("who")
        token = it.state / "token"
        self.assertEqual(stat.S_IMODE(os.stat(token).st_mode), 0o600)
        other = self.folder / "other token"
        other.write_text(64 * "0" + "\n")
        other.chmod(0o600)
        outcome = Run([BIN / "lockstep", "sweep", "--server", it.address, "--token-file", other, "ls"]).wait(30)
        self.assertEqual(outcome.code, 1, outcome.text)
        self.assertIn("does not carry this coordinator's token", outcome.err)
        second = Run([BIN / "lockstep", "serve", "--state", it.state, "--listen", "127.0.0.1:0"]).wait(30)
        self.assertEqual(second.code, 2, second.text)
        self.assertIn("another coordinator has this directory", second.err)
        open_to_all = Run([BIN / "lockstep", "serve", "--state", self.folder / "open", "--listen", "0.0.0.0:7070"]).wait(30)
        self.assertEqual(open_to_all.code, 2, open_to_all.text)
        taken = Run([BIN / "lockstep", "serve", "--state", self.folder / "taken", "--listen", it.address]).wait(30)
        self.assertEqual(taken.code, 2, taken.text)

    def test_a_silent_trial_is_fenced(self):
        it = self.coordinator("fenced")
        it.sweep("submit", self.spec("fenced", trials=1, epochs=8, lease=1))
        self.assertTrue(wait_until(lambda: any(trial["epoch"] >= 1 for trial in it.trials()), 60, 0.05))
        pid = next(iter(it.processes("lockstep-train")))
        os.kill(pid, signal.SIGSTOP)
        time.sleep(2)
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass
        self.wait_for(it, "COMPLETED")
        trial = it.trials()[0]
        self.assertEqual((trial["state"], trial["attempts"], len(trial["evaluation"])), ("TRIAL_COMPLETED", 2, 8))
        self.assertIn("no report within its lease", it.log())

    def test_a_pause_of_the_coordinator_fences_nobody(self):
        it = self.coordinator("paused")
        it.sweep("submit", self.spec("paused", trials=2, epochs=20_000, lease=LEASE_SECONDS))
        self.assertTrue(wait_until(lambda: len(it.trials()) == 2 and all(t["epoch"] >= 1 for t in it.trials()), 60, 0.05))
        before = it.processes("lockstep-train").keys()
        for _ in range(PAUSES):
            os.kill(it.run.process.pid, signal.SIGSTOP)
            time.sleep(PAUSE_SECONDS)
            os.kill(it.run.process.pid, signal.SIGCONT)
            time.sleep(LEASE_SECONDS)  # in which they would be fenced
            self.assertEqual(it.processes("lockstep-train").keys(), before, it.log())
        self.assertEqual([trial["attempts"] for trial in it.trials()], [1, 1])
        self.assertNotIn("no report within its lease", it.log())
        it.sweep("stop", "s1")
        self.wait_for(it, "STOPPED")

    def test_sigterm_leaves_trials_running(self):
        it = self.coordinator("graceful")
        it.sweep("submit", self.spec("graceful", trials=2, epochs=40))
        self.assertTrue(wait_until(lambda: len(it.processes("lockstep-train")) == 2, 30))
        before = it.processes("lockstep-train")
        it.run.signal([it.run.process.pid], signal.SIGTERM)
        self.assertEqual(it.run.wait(30).code, 0)
        self.assertEqual(it.processes("lockstep-train").keys(), before.keys())
        self.assertTrue(it.start(), it.run.output())
        self.wait_for(it, "COMPLETED")
        self.assertEqual([trial["attempts"] for trial in it.trials()], [1, 1])


if __name__ == "__main__":
    unittest.main()
