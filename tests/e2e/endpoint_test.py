"""Where a coordinator is found, by clients and by its trainers: a socket of its own, any port, another one after a
restart; and that nobody else who answers there is taken for it."""

import os
import pathlib
import shutil
import signal
import socket
import stat
import tempfile
import unittest

from coordinator_case import Coordinator, CoordinatorCase, free_port
from run import BIN, Run, wait_until


class EndpointTest(CoordinatorCase):
    def setUp(self):
        self.runtime = tempfile.mkdtemp(dir=self.folder)  # of the coordinators of one test
        self.temporary = tempfile.mkdtemp(dir=self.folder)

    def start(self, state, listen=None):
        """A coordinator that is told where to listen, or chooses by itself."""
        it = Coordinator(self.folder, state)
        it.address = listen
        it.environment |= {"XDG_RUNTIME_DIR": self.runtime, "TMPDIR": self.temporary}
        self.addCleanup(it.end)
        self.assertTrue(it.start() and it.is_up(), it.run.output())
        return it

    def client(self, it, *arguments, code=0):
        """`lockstep sweep` without a word of where the coordinator is."""
        outcome = Run([BIN / "lockstep", "sweep", *arguments], it.environment).wait(60)
        self.assertEqual(outcome.code, code, f"{outcome.text}\n{it.run.output()}")
        return outcome.out + (outcome.err if code else "")

    def is_attached(self, it):
        return wait_until(lambda: '"attempt_attached"' in it.log(), 60, 0.05)

    def attempts(self, it):
        return [trial["attempts"] for trial in it.trials()]

    def test_the_default_is_a_socket_of_the_owner_that_clients_find(self):
        it = self.start("default")
        self.assertIn("state in", it.run.output())
        self.assertIn(" unix:", it.run.output())
        place = pathlib.Path(it.run.output().split(" unix:")[1].split(" ")[0])
        self.assertTrue(stat.S_ISSOCK(os.stat(place).st_mode))
        self.assertEqual(stat.S_IMODE(os.stat(place).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(place.parent).st_mode), 0o700)
        self.client(it, "submit", self.spec("default", trials=1))
        self.assertIn("s1", self.client(it, "ls"))
        self.assertIn("s1", self.client(it, "--state", it.state, "ls"))
        self.assertTrue(self.is_attached(it), it.log())
        self.wait_for(it, "COMPLETED")
        it.run.signal([it.run.process.pid], signal.SIGTERM)
        self.assertEqual(it.run.wait(30).code, 0)
        self.assertFalse(list(place.parent.iterdir()), "what is left when it has ended")
        self.assertIn("no coordinator is known", self.client(it, "ls", code=1))

    def test_several_coordinators_are_not_guessed_at(self):
        first, second = self.start("first"), self.start("second")
        text = self.client(first, "ls", code=2)
        for words in ("several coordinators", str(first.state), str(second.state), "--state"):
            self.assertIn(words, text)
        second.kill()
        self.assertIn("no sweeps", self.client(first, "ls"))
        first.kill()  # both have left their links
        self.assertIn("no coordinator is known", self.client(first, "ls", code=1))

    def test_a_long_path_of_a_state_needs_no_long_socket(self):
        it = self.start(f"{'deep ' * 20}/{'deeper ' * 20}")
        self.assertIn("no sweeps", self.client(it, "ls"))

    def test_trainers_find_any_port(self):
        it = self.start("any port", "127.0.0.1:0")
        self.client(it, "submit", self.spec("any port", trials=2, epochs=4))
        self.assertTrue(self.is_attached(it), it.log())
        self.wait_for(it, "COMPLETED")

    def test_a_trainer_has_no_token_of_the_operator(self):
        it = self.start("tokens", f"127.0.0.1:{free_port()}")
        self.client(it, "submit", self.spec("tokens", trials=1))
        self.assertTrue(self.is_attached(it), it.log())
        self.wait_for(it, "COMPLETED")
        text = next(it.state.glob("sweeps/s1/trial-00000/attempt-001/attempt.pbtxt")).read_text()
        self.assertNotIn(str(it.state / "token"), text)
        self.assertNotIn((it.state / "token").read_text().strip(), text)

    def test_adopted_attempts_report_to_another_port(self):
        it = self.start("moved", f"127.0.0.1:{free_port()}")
        self.client(it, "submit", self.spec("moved", trials=2, epochs=100000))
        self.assertTrue(wait_until(lambda: self.is_attached(it) and len(it.processes("lockstep-train")) == 2, 60), it.log())
        it.kill()
        it.address = f"127.0.0.1:{free_port()}"
        self.assertTrue(it.start(), it.run.output())
        epochs = [trial["epoch"] for trial in it.trials()]  # of a trial that runs, they come by reports alone
        reached = lambda: all(trial["epoch"] > before + 5 for trial, before in zip(it.trials(), epochs))  # noqa: E731
        self.assertTrue(wait_until(reached, 120, 0.2), it.log())
        self.client(it, "stop", "s1")
        self.wait_for(it, "STOPPED")
        self.assertEqual(self.attempts(it), [1, 1], it.log())

    def test_a_foreign_coordinator_on_the_old_port_ends_no_trainer(self):
        it = self.start("robbed", f"127.0.0.1:{free_port()}")
        self.client(it, "submit", self.spec("robbed", trials=2, epochs=100000))
        self.assertTrue(wait_until(lambda: self.is_attached(it) and len(it.processes("lockstep-train")) == 2, 60), it.log())
        it.kill()
        before = it.processes("lockstep-train").keys()
        foreign = self.start("robber", it.address)
        refused = lambda: foreign.run.output() and self.connections_to(foreign)  # noqa: E731
        self.assertTrue(wait_until(refused, 30, 0.05), "no trainer has asked it")
        self.assertFalse(wait_until(lambda: it.processes("lockstep-train").keys() != before, 3, 0.1), "trainers have ended")
        it.address = f"127.0.0.1:{free_port()}"
        self.assertTrue(it.start(), it.run.output())
        epochs = [trial["epoch"] for trial in it.trials()]
        reached = lambda: all(trial["epoch"] > before + 5 for trial, before in zip(it.trials(), epochs))  # noqa: E731
        self.assertTrue(wait_until(reached, 120, 0.2), it.log())
        self.client(it, "--state", it.state, "stop", "s1")
        self.wait_for(it, "STOPPED")
        self.assertEqual(self.attempts(it), [1, 1], it.log())

    def connections_to(self, coordinator):
        """Whether somebody is connected to its port, by the kernel's table."""
        port = f":{int(coordinator.address.split(':')[1]):04X}"
        rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(row[1].endswith(port) and row[3] == "01" for row in rows)

    def test_a_socket_that_is_swept_away_comes_back(self):
        it = self.start("swept")
        self.client(it, "submit", self.spec("swept", trials=1, epochs=100000))
        self.assertTrue(self.is_attached(it), it.log())
        shutil.rmtree(it.environment["XDG_RUNTIME_DIR"])  # as at the end of a session
        os.mkdir(it.environment["XDG_RUNTIME_DIR"], 0o700)
        self.assertTrue(wait_until(lambda: self.finds(it), 30, 0.2), it.log())
        epochs = it.trials()[0]["epoch"]
        self.assertTrue(wait_until(lambda: it.trials()[0]["epoch"] > epochs + 5, 120, 0.2), it.log())
        self.client(it, "stop", "s1")
        self.wait_for(it, "STOPPED")
        self.assertEqual(self.attempts(it), [1], it.log())

    def finds(self, it):
        return "s1" in Run([BIN / "lockstep", "sweep", "ls"], it.environment).wait(60).out

    def test_a_directory_that_others_may_write_is_not_used(self):
        open_to_all = self.folder / "open to all"
        open_to_all.mkdir()
        open_to_all.chmod(0o777)
        run = Run([BIN / "lockstep", "serve", "--state", self.folder / "careful"],
                  {"XDG_RUNTIME_DIR": str(open_to_all), "TMPDIR": self.temporary})
        self.addCleanup(run.end)
        self.assertTrue(wait_until(lambda: "state in" in run.output(), 30), run.output())
        self.assertIn(f" unix:{self.temporary}/lockstep-{os.geteuid()}/", run.output())
        self.assertFalse(list(open_to_all.iterdir()))
        run.signal([run.process.pid], signal.SIGTERM)
        run.wait(30)

    def test_logout_does_not_end_it(self):
        it = self.start("logout")
        it.run.signal([it.run.process.pid], signal.SIGHUP)
        self.assertFalse(wait_until(lambda: not it.is_up(), 1, 0.05), it.run.output())
        self.assertIn("no sweeps", self.client(it, "ls"))


if __name__ == "__main__":
    unittest.main()
