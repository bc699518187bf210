"""The invented programme of deploy/demo: on whichever day it is loaded, nothing in it is still to come
that cannot be, and everything is in order. How the API takes it, tests/api/test_demo.py sees."""

import datetime
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))

from demonstration import days  # noqa: E402
from demonstration.life import Ref  # noqa: E402
from demonstration.programme import programme  # noqa: E402

# Days on which years, terms and months turn, and some days of every month.
TODAYS = [datetime.date(2024, 2, 29), datetime.date(2028, 2, 29), datetime.date(2026, 8, 31),
          datetime.date(2026, 9, 1), datetime.date(2026, 12, 31), datetime.date(2027, 1, 1),
          *(datetime.date(2025, 1, 1) + n * datetime.timedelta(days=11) for n in range(70))]
# Made by what is there before: the register, and the frameworks of the first migration.
GIVEN = {f"school-{number}" for number in range(61)} | {
    f"framework-{level}" for level in ("inclusive_school_award", "centre_of_excellence", "flagship")}
# Members that tell a day of the past; the others may lie ahead.
PAST = {"happened_on", "applied_on", "visited_on", "joined_on"}


@pytest.fixture(scope="module")
def told():
    """What is told, by the day on which it is."""
    return {today: programme(today) for today in TODAYS}


def acts_of(rounds):
    return [act for lists in rounds for acts in lists for act in acts]


def refs(value):
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from refs(one)


def test_no_day_is_to_come(told):
    """But for meetings, which are planned ahead."""
    for today, rounds in told.items():
        for act in acts_of(rounds):
            is_plan = act.verb == "create" and act.path == "/v1/meetings"
            assert is_plan or act.day <= today, (today, act)
            assert all(day <= today for name, day in act.body.items() if name in PAST), (today, act)


def test_each_list_is_in_order(told):
    """By day, and each record's steps one after the other."""
    for today, rounds in told.items():
        for acts in (acts for lists in rounds[1:] for acts in lists):
            assert [act.day for act in acts] == sorted(act.day for act in acts)
            newest = {}
            for act in acts:
                if act.verb != "create" and "happened_on" in act.body:
                    assert newest.get(act.key, act.day) <= act.body["happened_on"], (today, act)
                    newest[act.key] = act.body["happened_on"]


def check_names(acts, there):
    """Nothing is named before it is made, nor made twice; what was made."""
    there, made = there.copy(), set()
    for act in acts:
        if act.verb == "create":
            assert act.key not in there, act
        named = set(refs(act.body)) | (set() if act.verb == "create" else {act.key})
        assert named <= there, (named - there, act)
        there.add(act.key)
        made.add(act.key)
    return made


def test_nothing_is_named_before_it_is_made(told):
    """Lists of one round know nothing of each other."""
    for rounds in told.values():
        there = set(GIVEN)
        for lists in rounds:
            made = [check_names(acts, there) for acts in lists]
            for some in made:
                there |= some


def test_spans_are_in_order(told):
    for today, rounds in told.items():
        for act in acts_of(rounds):
            for part in [act.body, *act.body.get("targets", []), *act.body.get("steps", [])]:
                if "starts_on" in part and "ends_on" in part:
                    assert part["starts_on"] <= part["ends_on"], (today, act)


def test_some_reviews_are_to_come(told):
    for today, rounds in told.items():
        scheduled = [act.body["scheduled_on"] for act in acts_of(rounds)
                     if "scheduled_on" in act.body]
        assert sum(day > today for day in scheduled) >= 5, today


def test_the_same_day_tells_the_same(told):
    for today in TODAYS[:3]:
        assert programme(today) == told[today]


def test_days_of_the_school_year():
    assert days.easter(2026) == datetime.date(2026, 4, 5)
    assert days.easter(2038) == datetime.date(2038, 4, 25)
    assert days.name_of(days.year_of(datetime.date(2099, 9, 1))) == "2099/00"
    assert days.years_on(datetime.date(2028, 2, 29), -1) == datetime.date(2027, 2, 28)
    assert not days.is_school_day(datetime.date(2026, 12, 25))
    assert days.Days(datetime.date(2026, 9, 1)).recent(0) == datetime.date(2026, 7, 21)
    assert days.Days(datetime.date(2026, 7, 25)).soon(0) == datetime.date(2026, 9, 2)
