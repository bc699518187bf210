"""Generates clients from the contract in three languages, checks their types as strictly as the
languages can, and lets each live through the same story against a server: STEPS.

A story is a program that prints `done STEP`. Where a person is needed it prints `sign in WHO URL`; the
person, who is here, opens the address, signs in, and the story reads where the browser was sent.
Arguments: `--help`; deploy/test-clients gives them.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True
os.environ["IQM_TEST_RUN"] = tempfile.mkdtemp(prefix="iqm-test-")
os.environ["IQM_TRAFFIC_DIR"] = os.environ["IQM_TEST_RUN"]
os.chmod(os.environ["IQM_TEST_RUN"], 0o711)

from support import stage as staging  # noqa: E402
from support.client import Client  # noqa: E402
from support.people import People, send_form, token_in  # noqa: E402
from support.places import day  # noqa: E402
from support.resources import Maker  # noqa: E402

LANGUAGES = ("typescript", "python", "java")
STEPS = ["program", "page", "sign in", "create", "repeat", "key reused", "taken", "not valid",
         "change", "stale", "pull", "push", "push again", "push conflict", "pull on", "refresh",
         "revoke"]
QUICK = ["-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "-proc:none"]
SECONDS = 240  # for one language's commands, each


class Failed(Exception):
    """What a person should read about a language that did not come through."""


class Work:
    """One language's directory, and the commands that are run there."""

    def __init__(self, tools, language):
        self.tools = tools
        self.place = tools / "work" / language
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)

    def run(self, *command, output=None):
        done = subprocess.run(list(map(str, command)), cwd=self.place, check=False, text=True,
                              timeout=SECONDS, stdout=output or subprocess.PIPE,
                              stderr=subprocess.STDOUT if output is None else subprocess.PIPE,
                              env={**os.environ, "PATH": f"{self.tools}/python/bin:{os.environ['PATH']}"})
        if done.returncode != 0:
            raise Failed(f"{pathlib.Path(command[0]).name} failed:\n"
                         + ((done.stdout or "") + (done.stderr or ""))[-6000:])

    def bring(self, *names):
        for name in names:
            shutil.copy(HERE / name, self.place)

    def contract(self):
        """As generators understand it."""
        with open(self.place / "contract.json", "w", encoding="utf-8") as file:
            self.run("/usr/bin/python3", ROOT / "deploy/contract-for-generators", output=file)
        return self.place / "contract.json"


def typescript(work):
    """tsc --strict and more: tsconfig.json."""
    work.bring("story.ts", "tsconfig.json", "package.json")
    (work.place / "node_modules").symlink_to(work.tools / "node_modules")
    programs = work.tools / "node_modules/.bin"
    work.run(programs / "openapi-typescript", work.contract(), "-o", "schema.d.ts",
             "--empty-objects-unknown")
    work.run(programs / "tsc", "-p", ".")
    return ["node", "out/story.js"]


def python(work):
    """mypy --strict of all that was generated, and of the story."""
    programs = work.tools / "python/bin"
    work.bring("story.py", "mypy.ini")
    work.run(programs / "openapi-python-client", "generate", "--meta", "none", "--path",
             work.contract(), "--output-path", "iqm_client")
    work.run(programs / "mypy", "--config-file", "mypy.ini", "iqm_client", "story.py")
    return [programs / "python", "story.py"]


def java(work):
    """javac of all that was generated; of the story with every warning, each of them an error."""
    jar = next((work.tools / "java").rglob("openapi-generator.jar"))
    beside = ["/usr/share/java/httpmime.jar", "/usr/share/java/jakarta-annotation-api.jar"]
    libraries = ":".join(map(str, [jar, *beside]))
    options = {"openApiNullable": "false", "useJakartaEe": "true", "hideGenerationTimestamp": "true",
               "useSingleRequestParameter": "true", "invokerPackage": "org.example.iqm",
               "apiPackage": "org.example.iqm.api", "modelPackage": "org.example.iqm.model"}
    work.run("java", "-jar", jar, "generate", "-i", work.contract(), "-g", "java", "-o", "client",
             "--library", "native", "--additional-properties",
             ",".join(f"{key}={value}" for key, value in options.items()),
             "--global-property", "apis,models,supportingFiles,apiTests=false,modelTests=false,"
             "apiDocs=false,modelDocs=false")
    sources = sorted((work.place / "client/src/main/java").rglob("*.java"))
    (work.place / "sources").write_text("\n".join(map(str, sources)))
    work.run("javac", *QUICK, "-nowarn", "-d", "classes", "-cp", libraries, "@sources")
    work.bring("Story.java")
    work.run("javac", *QUICK, "-Xlint:all,-path", "-Werror", "-d", "classes", "-cp",
             f"classes:{libraries}", "Story.java")
    return ["java", "-cp", f"classes:{libraries}", "Story"]


class Programme:
    """A server with clusters, and people and programs that are known there."""

    def __init__(self):
        self.stage = staging.Stage(staging.shared_cluster()).prepare()
        self.server = self.stage.server().start()
        head = Client(self.server.port, self.stage.issue_token("clients", "head_office"))
        make = Maker(head, self.stage.number)
        people = People(self.stage, make, self.server.port)
        self.head = head
        self.clusters = [make.cluster() for _ in range(5)]
        self.people = {"head_office": people.person("head_office"),
                       "ambassador": people.person("ambassador")}
        ambassador = make.ambassador(person_id=self.people["ambassador"].document["id"])
        make.assignment(ambassador_id=ambassador["id"], cluster_id=self.clusters[0]["id"],
                        starts_on=day(-30), ends_on=None)
        self.app, self.program = people.app("public"), people.app("confidential")

    def given(self):
        """What a story is told."""
        count, target = 0, "/v1/clusters?limit=100"
        while target:
            page = self.head.get(target).json
            count += len(page["items"])
            target = page["next"] and f"/v1/clusters?limit=100&cursor={page['next']}"
        return {"url": f"http://127.0.0.1:{self.server.port}", "clusters": count,
                "cluster_id": self.clusters[0]["id"],
                "app": {"id": self.app.id, "redirect": self.app.redirect},
                "program": {"id": self.program.id, "secret": self.program.secret}}

    def sign_in(self, who, url):
        """What the person does in a browser; where it is sent then."""
        person, parts = self.people[who], urllib.parse.urlsplit(url)
        browser = Client(self.server.port)
        target = f"{parts.path}?{parts.query}"
        answer = send_form(
            browser, target, {"email": person.email, "password": person.password, "decision": "allow",
                              "form_token": token_in(browser.get(target, token=None))},
            {"Origin": f"{parts.scheme}://{parts.netloc}"})
        browser.close()
        if answer.status != 303:
            raise Failed(f"{who} could not sign in: {answer}")
        return answer.header("Location")

    def close(self):
        try:
            self.server.stop()
        finally:
            staging.stop_shared_cluster()
            shutil.rmtree(os.environ["IQM_TEST_RUN"], ignore_errors=True)


def live_through(programme, work, command):
    """Runs a story; its steps must be STEPS, in this order."""
    steps = []
    environment = {**os.environ, "IQM_STORY": json.dumps(programme.given())}
    with open(work.place / "errors", "w+", encoding="utf-8") as errors, subprocess.Popen(
            list(map(str, command)), cwd=work.place, text=True, env=environment, stderr=errors,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as story:
        for line in story.stdout:
            verb, _, rest = line.rstrip("\n").partition(" ")
            if verb == "done":
                steps.append(rest)
            elif line.startswith("sign in "):
                story.stdin.write(programme.sign_in(*rest.split(" ")[1:]) + "\n")
                story.stdin.flush()
        status = story.wait(SECONDS)
        errors.seek(0)
        said = errors.read()[-6000:]
    if status != 0 or steps != STEPS:
        raise Failed(f"the story ended with {status} after {steps}\n{said}")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all is cleared up
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tools", required=True, type=pathlib.Path,
                        help="where deploy/test-clients put node_modules, python and java")
    parser.add_argument("language", nargs="*", help=f"of {', '.join(LANGUAGES)}; all if left out")
    options = parser.parse_args()
    programme, failed = Programme(), 0
    try:
        for language in options.language or LANGUAGES:
            begun, work = time.monotonic(), Work(options.tools.resolve(), language)
            try:
                live_through(programme, work, globals()[language](work))
                print(f"{language}: {len(STEPS)} steps, {time.monotonic() - begun:.0f} s", flush=True)
            except (Failed, subprocess.TimeoutExpired) as error:
                print(f"{language}: FAILED: {error}", flush=True)
                failed += 1
    finally:
        programme.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
