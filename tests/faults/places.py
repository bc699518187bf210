"""Beside the suite's own places: who runs PostgreSQL, and a build that can be measured. Starts
nothing that stays."""
import json
import os
import shutil
import subprocess

from support.places import ROOT, build_dir

TOKEN_KEY = "5a" * 32
SIGNING_KEY = "a5" * 32
MASTER_KEY = "5a" * 32


def as_postgres():
    """PostgreSQL refuses to run as root: its own user then runs it."""
    if os.geteuid() != 0:
        return {}
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


def _build_options(build):
    options = json.loads((build / "meson-info" / "intro-buildoptions.json").read_text())
    return {option["name"]: option["value"] for option in options}


def _make_build(build):
    packages = ",".join(_build_options(build_dir())["pkg_config_path"])
    subprocess.run(["meson", "setup", str(build), "-Dbuildtype=release",
                    f"-Dpkg_config_path={packages}"],
                   cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def unsanitized_build():
    """A build whose memory can be measured; made when there is none. Call it under a lock."""
    if _build_options(build_dir()).get("b_sanitize") in ("none", [], None):
        return build_dir()
    build = ROOT / "build" / "faults-release"
    if not (build / "build.ninja").exists() or \
            _build_options(build)["pkg_config_path"] != _build_options(build_dir())["pkg_config_path"]:
        shutil.rmtree(build, ignore_errors=True)
        _make_build(build)
    subprocess.run(["ninja", "-C", str(build), "iqmd"], check=True, stdout=subprocess.DEVNULL)
    return build
