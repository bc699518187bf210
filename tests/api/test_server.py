"""The server itself: its contract, health, metrics and log; and when the database is away."""

import json
import re
import signal
import urllib.error
import urllib.request

import pytest

from support.away import without_database
from support.client import Client
from support.contract import DOCUMENT, OPERATIONS
from support.expect import problem
from support.places import CONTRACT, wait_for

SAMPLE = re.compile(r'([a-z_]+)(\{(?:[a-z]+="[^"\\]*"(?:,|(?=\})))*\})? (-?[0-9.e+]+)')


class TestContract:
    def test_yaml_is_the_file_itself(self, anyone):
        response = anyone.get("/openapi.yaml")
        assert response.body == CONTRACT.read_bytes()

    def test_json_says_the_same(self, anyone):
        assert anyone.get("/openapi.json").json == DOCUMENT

    @pytest.mark.parametrize("path", ["/openapi.json", "/openapi.yaml"])
    def test_may_be_kept(self, anyone, path):
        full = anyone.get(path)
        held = anyone.get(path, headers={"If-None-Match": full.etag})
        assert (held.status, held.body, held.etag) == (304, b"", full.etag)
        assert anyone.get(path, headers={"If-None-Match": '"x"'}).status == 200


class TestHealth:
    def test_good(self, anyone):
        for path in ("/healthz", "/readyz"):
            response = anyone.get(path)
            assert (response.status, response.json) == (200, {"status": "ok"})


class TestMetrics:
    def read(self, server, path="/metrics"):
        url = f"http://127.0.0.1:{server.metrics_port}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return answer.read().decode()

    def samples(self, server):
        """Prometheus' text format 0.0.4, strictly; also that each family is declared once."""
        found, declared = {}, {}
        text = self.read(server)
        assert text.endswith("\n")
        for line in text.splitlines():
            if line.startswith("#"):
                _, kind, name, rest = line.split(" ", 3)
                assert kind in ("HELP", "TYPE") and rest
                declared.setdefault(name, []).append(kind)
                continue
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            family = re.sub(r"_(bucket|sum|count)$", "", name)
            assert name in declared or family in declared, line
            assert (name, labels) not in found, line
            found[name, labels] = float(value)
        assert all(kinds == ["HELP", "TYPE"] for kinds in declared.values())
        return found

    def test_count_requests(self, server, head):
        head.get("/v1/schools?limit=1")
        key = ("iqm_requests_total", '{operation="list_schools",status="2xx"}')
        before = wait_for(lambda: self.samples(server).get(key), "a first count")
        for _ in range(3):
            head.get("/v1/schools?limit=1")
        wait_for(lambda: self.samples(server)[key] >= before + 3, "three more")

    def test_name_only_operations(self, server, anyone):
        anyone.get("/no/such/path")
        for (name, labels), _ in self.samples(server).items():
            if name == "iqm_requests_total":
                operation = re.search(r'operation="([^"]*)"', labels).group(1)
                assert operation in OPERATIONS or operation == "none"

    def test_a_histogram_adds_up(self, server, anyone):
        anyone.get("/healthz")
        samples = self.samples(server)
        buckets = [value for (name, _), value in samples.items() if name.endswith("_bucket")]
        assert buckets == sorted(buckets)
        assert buckets[-1] == samples["iqm_request_seconds_count", None] > 0

    def test_tell_of_the_database(self, server):
        wait_for(lambda: self.samples(server)["iqm_database_up", None] >= 1, "the database")

    def test_stand_nowhere_else(self, server, anyone):
        assert anyone.get("/metrics").status == 404
        with pytest.raises(urllib.error.HTTPError):
            self.read(server, "/v1/schools")


class TestLog:
    def test_a_line_a_request(self, server, head, make):
        school = make.school()
        response = head.get(f"/v1/schools/{school['id']}")
        line = server.wait_for_log(request_id=response.header("X-Request-Id"))[0]
        assert (line["operation"], line["status"], line["actor"]) == ("get_school", 200, head.actor)
        assert line["bytes"] == len(response.body) and line["us"] > 0
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])

    def test_names_the_problem_and_not_the_person(self, server, head, make):
        person = make.person()
        response = head.patch(f"/v1/people/{person['id']}", {"email": "x"}, "*")
        line = server.wait_for_log(request_id=response.header("X-Request-Id"))[0]
        assert line["problem"] == "validation_failed"
        text = json.dumps(server.find_log(event="request"))
        assert person["name"] not in text and person["email"] not in text
        assert head.token not in text

    def test_leaves_queries_out(self, server, head, make):
        name = make.name("Privatename")
        head.get(f"/v1/schools?name_prefix={name.replace(' ', '%20')}")
        head.get(f"/v1/schools/{name.replace(' ', '%20')}")
        head.get("/healthz", headers={"User-Agent": name, "Referer": name})
        assert name.split()[1] not in server.log_path.read_text()


class TestWithoutDatabase:
    @pytest.fixture(scope="class")
    def lonely(self, stage):
        """A server whose database does not answer."""
        with without_database(stage, IQM_DATABASE_TIMEOUT=400) as running:
            client = Client(running.port, "iqm_" + "A" * 43)
            yield client
            client.close()

    def test_it_lives_and_is_not_ready(self, lonely):
        assert lonely.get("/healthz").status == 200
        response = lonely.get("/readyz")
        problem(response, 503, "service_unavailable")
        assert int(response.header("Retry-After")) >= 1
        assert lonely.get("/openapi.json").status == 200

    @pytest.mark.parametrize("method, target", [
        ("GET", "/v1/schools"), ("POST", "/v1/schools"), ("DELETE", "/v1/schools/{id}"),
        ("GET", "/v1/schools/{id}"), ("PATCH", "/v1/meetings/{id}"), ("POST", "/v1/meetings")])
    def test_it_asks_to_come_back(self, lonely, method, target):
        target = target.format(id="00000000-0000-4000-8000-000000000000")
        body = {"POST": {"json": {"name": "x", "status": "open"}}, "PATCH": {"json": {}}}
        response = lonely.request(method, target, headers={"If-Match": "*"},
                                  **body.get(method, {}))
        problem(response, 503, "service_unavailable")
        assert int(response.header("Retry-After")) >= 1

    def test_an_upload_too(self, lonely):
        response = lonely.post("/v1/imports/register", body=b"URN\n",
                               headers={"Content-Type": "text/csv"})
        problem(response, 503, "service_unavailable")

    def test_without_a_token_it_says_so(self, lonely):
        problem(lonely.get("/v1/schools", token=None), 401, "unauthorized")


class TestBounds:
    def test_a_request_may_use_so_much_memory(self, stage, head, make):
        """Beyond it the answer is a problem, and the server goes on."""
        region = make.name("Region").replace(" ", "")
        for _ in range(110):
            make.cluster(region=region, notes="n" * 10000)
        small = stage.server(IQM_REQUEST_MEMORY=1 << 20).start()
        client = Client(small.port, head.token)
        try:
            problem(client.get(f"/v1/clusters?region={region}&limit=200"), 500, "internal_error")
            assert client.get(f"/v1/clusters?region={region}&limit=5").status == 200
        finally:
            client.close()
            small.stop()

    def test_a_short_body_limit(self, stage, head, make):
        small = stage.server(IQM_BODY_MAX=1024, IQM_TARGET_MAX=256, IQM_HEADER_FIELDS=8,
                             IQM_JSON_DEPTH=4, IQM_WORKERS=1, IQM_LOG="off").start_silently()
        client = Client(small.port, head.token)
        try:
            problem(client.post("/v1/schools", {"name": "x" * 1100}), 413, "content_too_large")
            problem(client.get("/v1/schools?name_prefix=" + "x" * 300), 414, "uri_too_long")
            problem(client.post("/v1/schools", {"a": [[[[1]]]]}), 400, "malformed_body")
            headers = [(f"X-{i}", "1") for i in range(9)]
            problem(client.get("/healthz", headers=headers), 431, "header_fields_too_large")
            assert small.log_path.read_text() == ""
        finally:
            client.close()
            small.stop()


class TestStopping:
    def test_by_either_signal_and_hangup_changes_nothing(self, stage, head):
        for end in (signal.SIGTERM, signal.SIGINT):
            running = stage.server().start()
            running.process.send_signal(signal.SIGHUP)
            running.wait_for_log(event="hangup_ignored")
            client = Client(running.port, head.token)
            assert client.get("/v1/schools?limit=1").status == 200
            client.close()
            running.process.send_signal(end)
            assert running.process.wait(20) == 0
            assert running.complaints() == ""
            assert running.log()[-1]["event"] == "stopped"
