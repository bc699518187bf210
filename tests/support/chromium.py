"""A headless Chromium, driven over the DevTools protocol through a pipe; scripts are off unless a page
is asked for with them.

What a person would perceive is asked from the accessibility tree. Reaches this machine only. Knows
no page of ours.
"""

import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from support.places import ROOT, wait_for

NAMES = ("chromium-headless-shell", "chromium")
# Without the sandbox, which neither root nor most containers can have: it meets our own pages only.
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
           "--disable-background-networking", "--disable-extensions", "--disable-sync",
           "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-pipe"]
DEADLINE = 60
KEYS = {" ": (32, " "), "Tab": (9, None), "Enter": (13, "\r"), "Escape": (27, None)}


def _program():
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found, f"none of {NAMES} is installed"
    return found


def axe_core():
    found = sorted((ROOT / "build" / "deps").glob("axe-core-*/axe.min.js"))
    assert found, "deploy/test fetches axe-core"
    return found[-1].read_text(encoding="utf-8")


def _high(descriptor):
    """The same file, where it is not in the way of descriptors 3 and 4."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


class Chromium:
    """The browser; messages end with a NUL, on descriptor 3 to it and 4 from it."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="chromium-")
        theirs, self._to = map(_high, os.pipe())
        self._from, back = map(_high, os.pipe())
        options = [*OPTIONS, f"--user-data-dir={self.directory}"]

        def hand_over():
            os.dup2(theirs, 3)
            os.dup2(back, 4)
        self.process = subprocess.Popen(
            [_program(), *options], pass_fds=(3, 4), preexec_fn=hand_over,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self.directory})
        os.close(theirs)
        os.close(back)
        self._buffer, self._last, self.events = b"", 0, []

    def close(self):
        with contextlib.suppress(OSError, AssertionError):
            self.call("Browser.close")
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _message(self, deadline):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(self._from, 1 << 16) if ready else b""
            assert piece, "the browser said nothing more"
            self._buffer += piece
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **parameters):
        """The result of a command; events that come meanwhile are kept."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data):]
        deadline = time.monotonic() + DEADLINE
        while True:
            answer = self._message(deadline)
            if answer.get("id") == self._last:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def page(self, **options):
        return Page(self, **options)


class Page:
    """One tab of its own, as wide as is said."""

    def __init__(self, browser, width=1280, height=900, scripts=False, target=None):
        self.browser = browser
        self.context = None
        if target is None:
            self.context = browser.call("Target.createBrowserContext")["browserContextId"]
            target = browser.call("Target.createTarget", url="about:blank",
                                  browserContextId=self.context)["targetId"]
        self.target = target
        self.session = browser.call("Target.attachToTarget", targetId=target,
                                    flatten=True)["sessionId"]
        for domain in ("Page", "DOM", "Log", "Audits", "Accessibility", "Runtime"):
            self.call(f"{domain}.enable")
        if not scripts:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)

    def close(self):
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def opened(self):
        """The window that this page has opened."""
        def found():
            targets = self.browser.call("Target.getTargets")["targetInfos"]
            return [t["targetId"] for t in targets if t.get("openerId") == self.target]
        [target] = wait_for(found, "a window to open", DEADLINE)
        return Page(self.browser, scripts=True, target=target)

    def to_the_front(self):
        """As a person's window is again once the one over it has closed: others draw when they like."""
        self.call("Page.bringToFront")

    def evaluate(self, expression):
        """What a script comes to, as JSON can say it; not held to the page's policy."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def faults(self):
        """What axe-core finds against a page: rule, and the elements that break it."""
        if not self.evaluate("typeof axe === 'object'"):
            self.evaluate(axe_core())
        return json.loads(self.evaluate("""axe.run().then(found => JSON.stringify(
            found.violations.map(rule => [rule.id, rule.nodes.map(node => node.html.slice(0, 200))])))"""))

    def open(self, url, heading):
        self.call("Page.navigate", url=url)
        self.wait_for_heading(heading)

    def wait_for_heading(self, heading):
        wait_for(lambda: self.find("heading", heading), f"the heading {heading}", DEADLINE)

    def nodes(self):
        """(role, name, description, focused) of all that is perceived, in its order."""
        found = []
        for node in self.call("Accessibility.getFullAXTree")["nodes"]:
            if node.get("ignored"):
                continue
            properties = {p["name"]: p["value"].get("value") for p in node.get("properties", [])}
            found.append((node.get("role", {}).get("value"), node.get("name", {}).get("value", ""),
                          node.get("description", {}).get("value", ""),
                          properties.get("focused", False)))
        return found

    def find(self, role, name):
        return [node for node in self.nodes() if node[:2] == (role, name)]

    def focused(self):
        """The name of what has the focus, other than the page itself."""
        names = [name for role, name, _, focused in self.nodes()
                 if focused and role != "RootWebArea"]
        return names[-1] if names else None

    def press(self, key):
        code, text = KEYS[key]
        common = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **common,
                  **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def tab_to(self, name):
        """One step of the Tab key, which must lead there."""
        self.press("Tab")
        wait_for(lambda: self.focused() == name, f"the focus to be on {name}", DEADLINE)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def width(self):
        """Of all that is laid out: more than the window's means scrolling sideways."""
        return self.call("Page.getLayoutMetrics")["cssContentSize"]["width"]

    def complaints(self):
        """What the browser found wrong: errors in its log and in scripts, breaches of the page's policy."""
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            if event["method"] == "Log.entryAdded":
                found.append(event["params"]["entry"])
            elif event["method"] == "Audits.issueAdded":
                found.append(event["params"]["issue"])
            elif event["method"] == "Runtime.exceptionThrown":
                found.append(event["params"]["exceptionDetails"])
        return [entry for entry in found if entry.get("level") != "verbose"]
