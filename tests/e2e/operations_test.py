"""A coordinator as its operator sees it: metrics, the log for programs, reflection, faults of a sweep."""

import json
import shutil
import signal
import socket
import struct
import unittest
import urllib.request

from coordinator_case import Coordinator, CoordinatorCase
from run import BIN, Run, wait_until


def metrics_of(coordinator):
    """{name with labels: value}."""
    text = urllib.request.urlopen(f"http://{coordinator.metrics}/metrics", timeout=10).read().decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def answer_of(address, method, message):
    """What the server sends on a call's stream, as it is on the wire (HTTP/2, RFC 9113), up to the stream's end."""
    headers = {":method": "POST", ":scheme": "http", ":path": method, ":authority": address, "te": "trailers",
               "content-type": "application/grpc"}
    literals = b"".join(b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in pair) for pair in headers.items())
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), 10) as peer:
        peer.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, literals) +
                     frame(0, 1, 1, b"\0" + struct.pack(">I", len(message)) + message))
        stream = peer.makefile("rb")
        answer = b""
        while True:
            head = stream.read(9)
            payload = stream.read(int.from_bytes(head[:3], "big"))
            if int.from_bytes(head[5:9], "big") != 1:
                continue
            answer += payload
            if head[4] & 1:
                return answer


class OperationsTest(CoordinatorCase):
    def test_metrics_tell_what_happens(self):
        it = self.coordinator("metrics", options=["--metrics", "127.0.0.1:0"])
        self.assertTrue(wait_until(lambda: "metrics at" in it.run.output(), 30), it.run.output())
        it.metrics = it.run.output().split("metrics at http://")[1].split("/")[0]
        before = metrics_of(it)
        self.assertEqual((before['lockstep_sweeps{state="running"}'], before['lockstep_cores{state="free"}']), (0, 2))
        it.sweep("submit", self.spec("metrics", trials=3))
        running = {}

        def is_running():
            running.update(metrics_of(it))
            return running["lockstep_attempts_running"] == 2

        self.assertTrue(wait_until(is_running, 30, 0.05), running)
        self.assertEqual((running['lockstep_cores{state="used"}'], running['lockstep_cores{state="free"}']), (2, 0))
        self.wait_for(it, "COMPLETED")
        self.assertIn("no sweep `s9`", it.sweep("show", "s9", code=2))
        after = metrics_of(it)
        self.assertEqual(after['lockstep_trials{state="completed"}'], 3)
        self.assertEqual(after['lockstep_sweeps{state="completed"}'], 1)
        self.assertEqual(after["lockstep_event_revision"], float(it.view()["revision"]))
        self.assertGreaterEqual(after['lockstep_reports_total{result="accepted"}'], 9)
        self.assertEqual(after['lockstep_reports_total{result="refused"}'], 0)
        get = "/lockstep.proto.SweepService/Get"
        self.assertEqual(after[f'lockstep_requests_total{{code="NOT_FOUND",method="{get}"}}'], 1)
        self.assertGreaterEqual(after[f'lockstep_request_seconds_bucket{{method="{get}",le="+Inf"}}'], 2)
        self.assertGreater(after["lockstep_commit_seconds_count"], before["lockstep_commit_seconds_count"])
        self.assertGreater(after["lockstep_store_bytes"], 0)

    def test_metrics_are_off_and_on_loopback_only(self):
        it = self.coordinator("silent")
        self.assertNotIn("metrics", it.run.output())
        for address, words in (("0.0.0.0:0", "expected 127.0.0.1:PORT"), (it.address, "cannot be had")):
            outcome = Run([BIN / "lockstep", "serve", "--state", self.folder / "other", "--listen", "127.0.0.1:0",
                           "--metrics", address]).wait(30)
            self.assertEqual(outcome.code, 2, outcome.text)
            self.assertIn(words, outcome.err)

    def test_the_log_is_an_object_a_line(self):
        it = self.coordinator("log")
        it.sweep("submit", self.spec("log", trials=2))
        self.wait_for(it, "COMPLETED")
        lines = [json.loads(line) for line in it.log().splitlines()]
        events = [line for line in lines if "revision" in line]
        self.assertEqual([line["revision"] for line in events], list(range(1, len(events) + 1)))
        self.assertEqual({line["level"] for line in lines}, {"info"})
        self.assertTrue(all(line["sweep"] == "s1" for line in events))
        completed = [line for line in events if line.get("state") == "TRIAL_COMPLETED"]
        self.assertEqual({(line["message"], line["trial"]) for line in completed}, {("trial_changed", 0), ("trial_changed", 1)})
        planned = [line for line in events if line["message"] == "attempt_planned"]
        self.assertEqual({line["attempt"] for line in planned}, {1})
        self.assertFalse([line for line in lines if "token" in line], "secrets in the log")

    def test_the_log_does_not_grow_without_end(self):
        state = self.folder / "long"
        state.mkdir()
        before = json.dumps({"message": "old", "padding": "x" * 1000}) + "\n"
        (state / "coordinator.log").write_text(before * ((16 << 20) // len(before)))
        it = self.coordinator("long")
        it.sweep("submit", self.spec("long", trials=1))
        self.wait_for(it, "COMPLETED")
        self.assertLess((state / "coordinator.log").stat().st_size, 1 << 20)
        self.assertIn("sweep_changed", it.log())
        old = (state / "coordinator.1.log").read_text()
        self.assertTrue(old.startswith(before))
        self.assertIn("sweep_submitted", old + it.log())

    def test_reflection_answers_only_with_its_flag(self):
        method = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        list_services = b"\x3a\x00"
        without = self.coordinator("no reflection")
        self.assertNotIn(b"lockstep.proto.SweepService", answer_of(without.address, method, list_services))
        it = self.coordinator("reflection", options=["--reflection"])
        self.assertIn(b"lockstep.proto.SweepService", answer_of(it.address, method, list_services))

    def test_what_is_not_there_is_a_wrong_name(self):
        it = self.coordinator("names")
        it.sweep("submit", self.spec("names", trials=1))
        for verb in ("show", "trials", "watch", "best", "pause", "resume", "stop", "retry", "delete", "gc", "export"):
            self.assertIn("no sweep `s9`", it.sweep(verb, "s9", code=2))
        self.assertIn("no sweep `s9`", it.sweep("logs", "s9", "0", code=2))
        self.assertIn("no sweep `s9`", it.sweep("pin", "s9", "0", "3", code=2))
        self.assertIn("no trial 7", it.sweep("logs", "s1", "7", code=2))
        self.assertIn("no trial 7", it.sweep("retry", "s1", "7", code=2))
        self.assertIn("no checkpoint of step 7", it.sweep("pin", "s1", "0", "7", code=2))

    def test_a_state_directory_that_is_deleted(self):
        it = Coordinator(self.folder, "deleted")
        it.address = None
        self.addCleanup(it.end)
        self.assertTrue(it.start() and it.is_up(), it.run.output())
        anybody = [BIN / "lockstep", "sweep", "ls"]
        self.assertEqual(Run(anybody, it.environment).wait(30).code, 0)
        shutil.rmtree(it.state)
        outcome = it.run.wait(10)
        self.assertEqual(outcome.code, 74, outcome.text)
        self.assertIn(f"{it.state}/log.sqlite: was deleted or moved while this coordinator ran", outcome.err)
        said = Run(anybody, it.environment).wait(30)
        self.assertEqual(said.code, 1, said.text)
        self.assertIn("no coordinator is known", said.err)

    def test_faults_of_a_sweep_have_lines(self):
        it = self.coordinator("lines")
        text = it.sweep("submit", self.spec("lines", trials=0, job="seed: 3 slices: 7"), "--validate-only", code=2)
        self.assertIn("lines.sweep.pbtxt:6: limits.trials: expected at least 1, got 0", text)
        self.assertIn("lines.sweep.pbtxt:3: job.slices: expected a divisor of batch (32), got 7", text)
        job = self.folder / "bad.job.pbtxt"
        job.write_text((self.folder / "sample.job.pbtxt").read_text().replace("batch: 32", "batch: 33"))
        path = self.spec("in job", job="seed: 3")
        path.write_text(path.read_text().replace("sample.job.pbtxt", job.name))
        line = job.read_text().split("\n").index("slices: 8") + 1
        for verb in ("submit", "plan"):
            self.assertIn(f"bad.job.pbtxt:{line}: slices: expected a divisor of batch (33), got 8", it.sweep(verb, path, code=2))

    def test_a_damaged_log_and_one_that_was_lost(self):
        it = self.coordinator("damaged")
        it.sweep("submit", self.spec("damaged", trials=1))
        self.wait_for(it, "COMPLETED")
        it.run.signal([it.run.process.pid], signal.SIGTERM)  # what it has in its write-ahead log goes into the file
        self.assertEqual(it.run.wait(30).code, 0)
        log = it.state / "log.sqlite"
        whole = log.read_bytes()
        log.write_bytes(whole[:len(whole) // 2])
        for check in ([], ["--check"]):
            outcome = Run([BIN / "lockstep", "serve", "--state", it.state, *check]).wait(30)
            self.assertEqual(outcome.code, 3, outcome.text)
            self.assertEqual(outcome.err.count("log.sqlite"), 1, outcome.err)
        log.unlink()
        outcome = Run([BIN / "lockstep", "serve", "--state", it.state]).wait(30)
        self.assertEqual(outcome.code, 3, outcome.text)
        self.assertIn("sweeps/s1: the log knows 0 sweeps", outcome.err)

    def test_every_fault_of_a_sweep_is_printed(self):
        it = self.coordinator("faults")
        more = 'scheduler { hyperband { min_epochs: 2 } } search { gp { startup_trials: 1 } } objective { metric: LOSS }'
        path = self.spec("faults", trials=0, more=more)
        text = it.sweep("submit", path, "--validate-only", code=2)
        for fault in ("limits.trials: expected at least 1, got 0", "search.gp.startup_trials: expected at least 2, got 1",
                      "scheduler.hyperband.min_epochs: 2 is more than 1/3 of the job's 3 epochs"):
            self.assertIn(fault, text)
        self.assertIn("no sweeps", it.sweep("ls"))


if __name__ == "__main__":
    unittest.main()
