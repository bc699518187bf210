"""The sides of a comparison: servers that wrk asks, and pgbench doing the same statements without
HTTP. A side runs one kind of work for some seconds and says what came of it."""
import os
import pathlib
import re
import secrets
import socket
import statistics
import subprocess
import time
import urllib.error
import urllib.request

import counters

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
MEETING_HEAD = '{"kind":"cluster","cluster_id":"'
MEETING_BETWEEN = '","held_on":"2026-11-05","start_time":"13:30","host_school_id":"'
MEETING_TAIL = ('","location":"The school hall, Long Acre Road, Market Town","topics":["Reading for '
                'every child","Speech and language at lunch time","Sharing the sensory room"],'
                '"notes":"Schools agreed to visit one another before the spring meeting and to '
                'bring one practice each that others could try at once."}')
STORED_HEAD = ('{"id":"01990000-0000-7000-8000-100000000000","version":1,"created_at":'
               '"2026-11-05T08:00:00.000Z","updated_at":"2026-11-05T08:00:00.000Z","kind":"cluster",'
               '"cluster_id":"01990000-0000-7000-9000-')
STORED_MIDDLE = MEETING_BETWEEN + "01990000-0000-7000-8000-"
STORED_TAIL = MEETING_TAIL[:-1] + ',"academic_year":"2026/27","term":"autumn"}'


class Outcome:
    """requests, seconds, p50 and p99 in ms, CPU seconds of the server and of PostgreSQL."""

    def __init__(self, requests, seconds, p50, p99):
        self.rate = requests / seconds
        self.requests = requests
        self.p50, self.p99 = p50, p99
        self.server_cpu = self.database_cpu = None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url, token, process):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(200):
        if process.poll() is not None:
            raise SystemExit(f"compare: {process.args[0]} stopped right after its start")
        try:
            return opener.open(request, timeout=2).read()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"compare: no answer from {url}")


class Server:
    """A process that answers HTTP, asked by wrk."""
    own_session = False

    def __init__(self, name, command, environment, port, log):
        self.name = name
        self.port = port
        self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL, cwd="/",
                                        start_new_session=self.own_session)

    def ready(self, schools, token):
        self.schools, self.token = schools, token
        wait_for(f"http://127.0.0.1:{self.port}/v1/schools/01990000-0000-7000-8000-100000000000",
                 token, self.process)
        return self

    def run(self, kind, seconds):
        connections = ["-t1", "-c1"] if kind in ("report", "get_alone") else ["-t2", "-c64"]
        result = subprocess.run(
            ["wrk", *connections, f"-d{seconds}s", "--timeout", "30s", "-s", HERE / "load.lua",
             f"http://127.0.0.1:{self.port}", "--", kind, str(self.schools), self.token,
             MEETING_HEAD, MEETING_BETWEEN, MEETING_TAIL],
            check=True, stdout=subprocess.PIPE, text=True, timeout=seconds + 30)
        line = re.search(r"^RESULT (.*)$", result.stdout, re.M)
        requests, micros, p50, p99, errors = map(int, line[1].split())
        if errors or requests == 0:
            raise SystemExit(f"compare: {self.name}, {kind}: {errors} of {requests} went wrong")
        return Outcome(requests, micros / 1e6, p50 / 1e3, p99 / 1e3)

    def cpu(self):
        return counters.cpu_seconds(self.process.pid)

    def memory(self):
        return counters.peak_megabytes(self.process.pid)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)


class Iqmd:
    """How iqmd is called on one database; `serve` makes a Server."""

    def __init__(self, program, database, name, scratch):
        self.program, self.database, self.name = program, database, name
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("IQM_")},
            "IQM_DATABASE_URL": database.url(name, "iqm_server"),
            "IQM_OWNER_DATABASE_URL": database.url(name, "iqm_owner"),
            "IQM_KEY_DATABASE_URL": database.url(name + "_keys", "iqm_server"),
            "IQM_OWNER_KEY_DATABASE_URL": database.url(name + "_keys", "iqm_owner"),
            "IQM_MASTER_KEY": secrets.token_hex(32),
            "IQM_TOKEN_KEY": secrets.token_hex(32), "IQM_METRICS_PORT": "-1",
            "IQM_SIGNING_KEY": secrets.token_hex(32),
            "GLIBC_TUNABLES": "glibc.malloc.tcache_count=2000",  # as deploy/iqmd.service
            "IQM_SPOOL_DIR": str(scratch),
            "IQM_LIMIT_ADDRESS": "30000000", "IQM_LIMIT_TOKEN": "30000000",
            "IQM_LIMIT_CLIENT": "30000000", "IQM_LIMIT_SIGN_IN": "30000000"}

    def call(self, *arguments):
        return subprocess.run([self.program, *arguments], env=self.environment, check=True,
                              stdout=subprocess.PIPE, text=True).stdout.strip()

    def make(self, schools, spread, columns):
        for name in (self.name, self.name + "_keys"):
            self.database.sql("postgres", f"CREATE DATABASE {name} OWNER iqm_owner")
        self.call("migrate")
        self.database.fill(self.name, schools, spread, columns)
        self.token = self.call("token", "issue", "--name", "bench", "--role", "head_office")
        return self

    def serve(self, name, schools, level, log):
        port = free_port()
        environment = {**self.environment, "IQM_PORT": str(port), "IQM_LOG": level}
        server = Server(name, [self.program, "serve"], environment, port, log)
        return server.ready(schools, self.token)


def identify_sql(operation_roles, scope):
    """The very statement of the server, its parameters turned into pgbench's."""
    source = (TOP / "src/auth/identify.c").read_text()
    parts = re.findall(r"#define IDENTIFY_(?:CALLER|FROM)((?:.*\\\n)+.*)", source)
    if len(parts) != 2:
        raise SystemExit("compare: src/auth/identify.c holds no identify_sql any more")
    sql = "".join(re.findall(r'"([^"]*)"', "".join(parts)))
    for number, value in enumerate((":hash", ":roles", ":scope"), 1):
        sql = sql.replace(f"${number}", value)
    return sql, {"roles": "{%s}" % operation_roles, "scope": scope}


def context_sql():
    sql = (TOP / "src/programme/meeting/meeting_context.sql").read_text()
    return sql.replace(":host_school_id", "('01990000-0000-7000-8000-' || :school)")


class Pgbench:
    """The same statements by the same role over 8 connections, without HTTP."""

    def __init__(self, name, script, iqmd, schools, scratch):
        self.name, self.database, self.base = name, iqmd.database, iqmd.name
        self.scratch, self.round = scratch, 0
        writes = script.startswith("post")
        roles, scope = ("head_office", "meetings:write") if writes else (
            "head_office,ambassador,school,client", "schools:read")
        identify, self.variables = identify_sql(roles, scope)
        text = (HERE / "sql" / script).read_text()
        text = text.replace(":identify", identify).replace(":context;", context_sql().strip() + ";")
        self.script = scratch / f"{iqmd.name}_{script}"
        self.script.write_text(text)
        self.variables |= {
            "hash": self.database.sql(self.base, "SELECT hash FROM token LIMIT 1"),
            "schools": schools, "n": 0, "head": STORED_HEAD, "middle": STORED_MIDDLE,
            "tail": STORED_TAIL, "held_on": "2026-11-05"}
        self.options = ("-c role=iqm_server -c search_path=public -c jit=off -c TimeZone=UTC "
                        f"-c default_transaction_read_only={'off' if writes else 'on'}")

    def run(self, _kind, seconds):
        self.round += 1
        variables = {**self.variables, "base": 8000000000000000 + self.round * 10**12}
        words = [word for item in variables.items() for word in ("-D", "%s=%s" % item)]
        prefix = self.scratch / f"latency{self.round}"
        result = subprocess.run(
            [self.database.bin / "pgbench", "-n", "-M", "prepared", "-c8", "-j2", f"-T{seconds}",
             "-f", self.script, "-l", "--sampling-rate=0.1", f"--log-prefix={prefix}", *words,
             "-h", self.database.socket, "-U", "iqm_server", self.base],
            check=True, stdout=subprocess.PIPE, text=True, timeout=seconds + 30,
            env={**os.environ, "PGOPTIONS": self.options})
        requests = int(re.search(r"actually processed: (\d+)", result.stdout)[1])
        rate = float(re.search(r"^tps = ([0-9.]+)", result.stdout, re.M)[1])
        latencies = self.latencies(prefix)
        return Outcome(requests, requests / rate, statistics.median(latencies),
                       statistics.quantiles(latencies, n=100)[98])

    def latencies(self, prefix):
        found = []
        for path in prefix.parent.glob(prefix.name + ".*"):
            found += [int(line.split()[2]) / 1e3 for line in path.read_text().splitlines()]
            path.unlink()
        return found

    def cpu(self):
        return None

    def memory(self):
        return None

    def stop(self):
        pass
