"""Where things are: the checkout, the build, the directory of this run; and which day it is. Starts
nothing."""

import datetime
import fcntl
import os
import pathlib
import time
from contextlib import contextmanager
from zoneinfo import ZoneInfo

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "openapi.yaml"


def build_dir():
    """The build under test: IQM_BUILD, relative to the checkout, or build/test."""
    return ROOT / os.environ.get("IQM_BUILD", "build/test")


def program():
    path = build_dir() / "iqmd"
    assert path.is_file(), f"{path} is not built; IQM_BUILD names the build directory"
    return path


def command(*arguments):
    """iqmd with arguments, run by IQM_WRAPPER (a checker such as valgrind) where that is set."""
    return [*os.environ.get("IQM_WRAPPER", "").split(), program(), *arguments]


def run_dir():
    """Shared by all processes of this run; the controlling one made it (see conftest.py)."""
    return pathlib.Path(os.environ["IQM_TEST_RUN"])


def traffic_dir():
    return pathlib.Path(os.environ["IQM_TRAFFIC_DIR"])


@contextmanager
def locked(path):
    """Holds a lock that other processes of the run, and other runs, respect."""
    with open(path, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def wait_for(condition, what, seconds=20):
    """Polls until `condition()` is true and returns its value; fails after a deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.01)


def day(distance):
    """The date so many days from today, where the schools are."""
    today = datetime.datetime.now(ZoneInfo("Europe/London")).date()
    return (today + datetime.timedelta(days=distance)).isoformat()
