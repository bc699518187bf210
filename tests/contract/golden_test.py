"""Golden contracts: what is good compiles as C, what is bad gives exactly the messages in NAME.err.

Statements of a case lie in NAME.sql.d beside it. `golden_test.py --accept` rewrites the .err files:
read the difference before you keep it.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COMPILER = ROOT / "src" / "contract" / "compile.py"
TINY = HERE / "tiny.yaml"
GOOD = [TINY, *sorted((HERE / "good").glob("*.yaml"))]
BAD = sorted((HERE / "bad").glob("*.yaml"))


def compile_contract(contract, directory):
    sql_dir = HERE / "sql" if contract == TINY else contract.with_suffix(".sql.d")
    command = [sys.executable, "-B", str(COMPILER), "--contract", contract.name]
    for option, name in (("c", "tables.c"), ("h", "tables.h"), ("json", "tables.json")):
        command += [f"--out-{option}", str(pathlib.Path(directory) / name)]
    if sql_dir.is_dir():
        command += ["--sql-dir", sql_dir.name]
    return subprocess.run(command, cwd=contract.parent, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("contract", GOOD, ids=lambda path: path.stem)
def test_good(contract, tmp_path):
    result = compile_contract(contract, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads((tmp_path / "tables.json").read_text())["openapi"] == "3.1.0"
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                    "-fsyntax-only", "-I", str(ROOT / "include"), str(tmp_path / "tables.c")],
                   check=True)


@pytest.mark.parametrize("contract", BAD, ids=lambda path: path.stem)
def test_bad(contract, tmp_path):
    result = compile_contract(contract, tmp_path)
    assert result.stderr == contract.with_suffix(".err").read_text()
    assert result.returncode == 1
    assert not list(tmp_path.iterdir()), "a bad contract must leave no output"


def test_json_says_the_same_as_yaml(tmp_path):
    yaml = pytest.importorskip("yaml")
    compile_contract(TINY, tmp_path)
    made = json.loads((tmp_path / "tables.json").read_text())
    assert made == yaml.safe_load(TINY.read_text())


def accept():
    for contract in BAD:
        with tempfile.TemporaryDirectory() as directory:
            result = compile_contract(contract, directory)
        contract.with_suffix(".err").write_text(result.stderr)


if __name__ == "__main__" and sys.argv[1:] == ["--accept"]:
    accept()
