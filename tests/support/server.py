"""Running iqmd: its commands, and the server with its log. Knows no request."""

import ctypes
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile

from support import confidential
from support.cluster import plain_environment
from support.places import ROOT, command, run_dir, wait_for

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def environment(**settings):
    """Nothing of the caller's own configuration; sanitizers speak on standard error and fail."""
    return {**plain_environment(), "ASAN_OPTIONS": "detect_leaks=1:exitcode=99",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
            "TSAN_OPTIONS": "exitcode=99", **{k: str(v) for k, v in settings.items()}}


def run_iqmd(*arguments, settings=None, stdin=b"", check=True):
    """Runs a command of iqmd to its end; standard output and error as text."""
    done = subprocess.run(command(*arguments), input=stdin, capture_output=True, check=False,
                          timeout=120, env=environment(**(settings or {})), cwd=ROOT)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    assert not check or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """`iqmd serve` on a free port. `settings` are IQM_… variables."""

    def __init__(self, **settings):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="server-", dir=run_dir()))
        (self.directory / "spool").mkdir()
        self.settings = {"IQM_PORT": 0, "IQM_METRICS_PORT": 0,
                         "IQM_SPOOL_DIR": self.directory / "spool", **settings}
        self.process = None
        self.port = self.metrics_port = None

    @property
    def log_path(self):
        return self.directory / "log"

    def _launch(self):
        with open(self.log_path, "ab") as log, open(self.directory / "errors", "ab") as errors:
            seen = log.tell()
            self.process = subprocess.Popen(
                command("serve"), stdin=subprocess.DEVNULL, stdout=log, stderr=errors, cwd=ROOT,
                env=environment(**self.settings), preexec_fn=_die_with_parent)
        return seen

    def start_silently(self):
        """For a server that logs nothing: on a port that is free now."""
        self.port = free_port()
        self.settings = {**self.settings, "IQM_PORT": self.port}
        self._launch()
        wait_for(lambda: is_open(self.port) or self.process.poll() is not None, "the port")
        assert self.process.poll() is None, self.complaints()
        return self

    def start(self):
        seen = self._launch()
        said = wait_for(lambda: self._listening(seen), "the server to listen", 30)
        self.port, self.metrics_port = said["port"], said["metrics_port"]
        return self

    def _listening(self, seen):
        assert self.process.poll() is None, "the server ended: " + self.complaints()
        lines = self.log_path.read_bytes()[seen:].split(b"\n")[:-1]
        return next((line for line in map(json.loads, lines) if line["event"] == "listening"), None)

    def complaints(self):
        return (self.directory / "errors").read_text(errors="replace")[-6000:]

    def log(self):
        """Every whole line so far, decoded."""
        lines = self.log_path.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def find_log(self, **members):
        """The lines in which these members stand with these values."""
        return [line for line in self.log()
                if all(line.get(name) == value for name, value in members.items())]

    def wait_for_log(self, **members):
        return wait_for(lambda: self.find_log(**members), f"a line in the log with {members}")

    def stop(self):
        """Stops it and holds it to what every run must be: clean, silent, discreet."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("the server did not stop within 60 s") from None
        assert self.complaints() == ""
        assert status == 0, f"exit status {status}"
        self.check_log()

    def check_log(self):
        for line in self.log():
            assert {"time", "level", "event"} <= line.keys(), line
        text = self.log_path.read_text()
        assert text == "" or text.endswith("\n")
        assert confidential.found_in(text) == []
        assert os.environ.get("IQM_DATABASE_URL", "password=") not in text
