"""Runs Schemathesis against a server with data, once as each role: all phases, all checks.

What it is told, and what it is not asked for, with the reasons: schemathesis.toml. Each role has a
world of its own, so that what one deletes is no other's. Arguments: `--help`.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True
os.environ["IQM_TEST_RUN"] = tempfile.mkdtemp(prefix="iqm-test-")
os.environ["IQM_TRAFFIC_DIR"] = os.environ["IQM_TEST_RUN"]
os.chmod(os.environ["IQM_TEST_RUN"], 0o711)

from support import stage as staging  # noqa: E402
from support.client import Client  # noqa: E402
from support.contract import DOCUMENT  # noqa: E402
from support.resources import Maker  # noqa: E402
from support.world import World  # noqa: E402

ROLES = ("anonymous", "client", "school", "ambassador", "head_office")
IDS_OF_A_KIND = 6
UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def lists():
    """Resource and path of each list that needs nothing but a token."""
    for path, item in DOCUMENT["paths"].items():
        operation = item.get("get", {})
        if operation.get("x-action") == "list" and "{" not in path:
            yield operation["x-resource"], path


def known_ids(reader, head, own):
    """By the name of a parameter: records that the caller sees, and some that only head office does; not
    the caller and whatever else is its `own`: it would be suspended, erased or deleted half-way."""
    found = {}
    own = {own, *UUID.findall(reader.get("/v1/me").text)}
    for resource, path in lists():
        ids = []
        for client, most in ((reader, IDS_OF_A_KIND), (head, IDS_OF_A_KIND + 2)):
            answer = client.get(f"{path}?limit={most}")
            if answer.status == 200:
                ids += [item["id"] for item in answer.json["items"] if item["id"] not in own]
        found[f"{resource}_id"] = list(dict.fromkeys(ids))[:IDS_OF_A_KIND + 2]
    return found


def share_of(role, share, seed):
    """Every so manieth operation, others as each role: with as many shares as there are roles all
    are tried once, and with other seeds as other roles."""
    names = sorted(operation["operationId"] for item in DOCUMENT["paths"].values()
                   for operation in item.values() if "operationId" in operation)
    return names[(ROLES.index(role) + seed) % share::share]


class Suite:
    def __init__(self, options):
        self.options = options
        self.stage = staging.Stage(staging.shared_cluster()).prepare()
        self.server = self.stage.server(IQM_CORS_ORIGINS="https://app.example",
                                         IQM_WEBHOOK_PRIVATE_ADDRESSES="yes").start()

    def command(self, role, report):
        options = self.options
        chosen = [part for name in share_of(role, options.share, options.seed)
                  for part in ("--include-operation-id", name)]
        return [options.schemathesis, "--config-file", HERE / "schemathesis.toml", "run",
                f"http://127.0.0.1:{self.server.port}/openapi.json", "--seed", options.seed,
                "--max-examples", options.examples, "--phases", options.phases,
                "--report-ndjson-path", report / f"{role}.ndjson",
                "--report", "ndjson", *chosen, *options.more]

    def environment(self, role, client, spare, ids):
        tokens = [[] if one.token is None else [f"Bearer {one.token}"] for one in (client, spare)]
        return {**os.environ, "IQM_SCHEMATHESIS": json.dumps({
            "role": role, "authorization": tokens[0], "spare": tokens[1], "ids": ids}),
            "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)}

    def run(self, role):
        """True where nothing was found."""
        head = Client(self.server.port,
                      self.stage.issue_token(f"schemathesis as {role}", "head_office"))
        world = World(Maker(head, self.stage.number), self.stage, self.server.port)
        client, begun = world.callers[role], time.monotonic()
        signs_in = role in ("school", "ambassador", "head_office")
        spare = world.people.somebody("head_office").client if signs_in else client
        before = client.get("/v1/me").status
        ids = known_ids(client, head, world.people.application["id"])
        done = subprocess.run(
            list(map(str, self.command(role, self.options.report))), check=False, cwd=HERE, text=True,
            env=self.environment(role, client, spare, ids), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        after = client.get("/v1/me").status
        print(f"{done.stdout}--- as {role}: {time.monotonic() - begun:.0f} s", flush=True)
        if before != after:
            print(f"{role} was answered {before} before the run, {after} after it")
        return done.returncode == 0 and before == after

    def run_all(self, roles):
        """Those who found something. Two at a time, in processes: threads of Python 3.11 that parse
        Python at once, as Schemathesis does, disturb each other."""
        with ThreadPoolExecutor(2) as pool:
            return [role for role, good in zip(roles, pool.map(self.run, roles)) if not good]

    def close(self):
        print(self.server.complaints(), end="")  # what the sanitizers said, if anything
        try:
            self.server.stop()
        finally:
            staging.stop_shared_cluster()
            shutil.rmtree(os.environ["IQM_TEST_RUN"], ignore_errors=True)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--schemathesis", required=True, help="the program")
    parser.add_argument("--report", required=True, type=pathlib.Path, help="directory for reports")
    parser.add_argument("--role", action="append", choices=ROLES, help="only as this role; all if left out")
    parser.add_argument("--share", default=len(ROLES), type=int, metavar="N",
                        help="each role tries every Nth operation; 1: all of them")
    parser.add_argument("--seed", default=1, type=int)
    parser.add_argument("--examples", default=1, type=int, help="an operation and phase, at most")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("more", nargs="*", help="further options of schemathesis, after --")
    return parser.parse_args()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all is cleared up
    options = read_options()
    options.report.mkdir(parents=True, exist_ok=True)
    suite = Suite(options)
    try:
        found = suite.run_all(options.role or ROLES)
    finally:
        suite.close()
    if found:
        sys.exit(f"found something as: {', '.join(found)}")


if __name__ == "__main__":
    main()
