"""One iqmd under test: started on free ports, asked, signalled, stopped, and its last words read. A
sanitizer's report fails whoever stops it."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import uuid

from support.metrics import metric
from support.places import program, wait_for
from support.server import environment
from wire import Wire

REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Sanitizer:")
SMALL = {"IQM_PORT": "0", "IQM_METRICS_PORT": "0", "IQM_WORKERS": "2",
         "IQM_LIMIT_ADDRESS": "1000000", "IQM_LIMIT_TOKEN": "1000000"}


class Server:
    def __init__(self, cluster, settings=None, build=None):
        self.cluster = cluster
        self.token = cluster.token
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="iqms"))
        self.environment = environment(**{
            **cluster.settings_of_iqmd(), **SMALL, "IQM_SPOOL_DIR": self.directory / "spool",
            **(settings or {})})
        self.program = build / "iqmd" if build else program()
        self.process = None
        self.judged = False  # its end was expected, and looked at
        (self.directory / "spool").mkdir()

    def begin(self):
        log, errors = self.directory / "log", self.directory / "errors"
        with open(log, "wb") as out, open(errors, "wb") as err:
            self.process = subprocess.Popen([self.program, "serve"],
                                            env=self.environment, stdout=out, stderr=err)
        return self

    def log(self):
        """Whole lines only: the last one may still be written."""
        text = (self.directory / "log").read_text()
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def errors(self):
        return (self.directory / "errors").read_text()

    def _listening(self):
        assert self.process.poll() is None, (self.errors(), self.log())
        return [entry for entry in self.log() if entry["event"] == "listening"]

    def start(self):
        return self.begin().await_listening()

    def await_listening(self):
        entry = wait_for(self._listening, "the server listens", 20)[0]
        self.port, self.metrics_port = entry["port"], entry["metrics_port"]
        return self

    def ready(self):
        """Started, and the database answers."""
        self.start()
        wait_for(lambda: self.ask("GET", "/readyz").status == 200, "the server is ready", 20)
        wait_for(self._can_write, "it can write", 20)
        return self

    def _can_write(self):
        return self.ask("DELETE", f"/v1/clusters/{uuid.uuid4()}",
                        headers={"If-Match": '"1"'}).status == 404

    def wire(self, **options):
        return Wire(self.port, **options)

    def head(self, method, target, headers=None, token=True):
        fields = {"Host": "127.0.0.1"}
        if token:
            fields["Authorization"] = f"Bearer {self.token}"
        fields.update(headers or {})
        lines = "".join(f"{key}: {value}\r\n" for key, value in fields.items())
        return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode()

    def request(self, method, target, body=None, headers=None, token=True):
        """The bytes of an ordinary request."""
        fields = dict(headers or {})
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            fields = {"Content-Type": kind, "Content-Length": len(data), **fields}
        return self.head(method, target, fields, token) + data

    def ask(self, method, target, body=None, headers=None, wire=None):
        """One ordinary exchange, on a connection of its own unless one is given."""
        data = self.request(method, target, body, headers)
        if wire is not None:
            return wire.send(data).read(method).check()
        with self.wire() as own:
            return own.send(data).read(method).check()

    def create(self, **members):
        answer = self.ask("POST", "/v1/clusters", {"name": f"Cluster {uuid.uuid4()}", **members})
        assert answer.status == 201, answer
        return answer.json

    def metric(self, name):
        return metric(self, name)

    def is_well(self):
        """Still answers, from the database too, and no sanitizer has spoken."""
        assert self.process.poll() is None, self.errors()
        assert self.ask("GET", "/healthz").status == 200
        assert self.ask("GET", "/v1/clusters?limit=1").status == 200
        assert not REPORT.search(self.errors()), self.errors()

    def end_streams(self):
        """Ends the sessions that files are read on, and waits until they are gone."""
        self.cluster.sql("SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity "
                         "WHERE application_name LIKE 'iqmd%stream'")

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """In order: exit status 0, nothing to report."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        status = self.process.wait(30)
        self.judged = True
        assert not REPORT.search(self.errors()), self.errors()
        assert status == 0, (status, self.errors())

    def kill(self):
        self.process.kill()
        self.process.wait(30)
        self.judged = True
        assert not REPORT.search(self.errors()), self.errors()

    def remove(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        shutil.rmtree(self.directory, ignore_errors=True)

    def resident_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))
