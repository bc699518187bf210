"""Every rule that an answer can name has a test that names it."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAILURE = re.compile(r'(?:ladder_fail\(failures|iqm_problem_rule\(\s*rules->problem|refuse\(rules), "(\w+)"')
JUDGE = re.compile(r'\{"(\w+)", \1\}')
HELD = {"inclusive_school_award_held", "centre_of_excellence_held"}  # made of the level's name


def _rules():
    names = set(HELD)
    for path in (ROOT / "src/programme").rglob("*.c"):
        text = path.read_text(encoding="utf-8")
        names.update(FAILURE.findall(text), JUDGE.findall(text))
    return sorted(names)


RULES = _rules()
TESTS = "".join(path.read_text(encoding="utf-8")
                for path in (ROOT / "tests/api").glob("test_*.py"))


def test_rules_are_written_as_is_looked_for():
    assert len(RULES) >= 15, RULES


@pytest.mark.parametrize("rule", RULES)
def test_is_named_by_a_test(rule):
    assert re.search(rf"\b{rule}\b", TESTS)
