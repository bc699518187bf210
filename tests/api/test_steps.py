"""Every step of a record from one status to the next alike. What each asks for beside: tests of the
resources."""

import uuid

import pytest

from support import steps
from support.contract import OPERATIONS
from support.expect import invalid, problem
from support.resources import ALL
from support.world import day


@pytest.fixture(params=steps.STEPS.values(), ids=steps.STEPS)
def step(request):
    return request.param


@pytest.fixture
def record(step, head, make):
    return steps.ready(head, step.id, make.create(step.resource))


def path_of(record, step):
    return ALL[step.resource].path(record)


class TestStep:
    def test_leads_on_and_is_recorded(self, step, record, head):
        response = steps.attempt(head, step.id, record, f'"{record["version"]}"')
        assert response.status == 200, response
        after, rule = response.json, steps.rule(step)
        assert after["status"] == rule["to"]
        assert after["version"] == record["version"] + 1
        assert response.etag == f'"{after["version"]}"'
        assert after["transitions"][:-1] == record["transitions"]
        last = after["transitions"][-1]
        assert (last["transition"], last["status"]) == (rule["name"], rule["to"])
        assert last["happened_on"] == day(0)
        assert last["recorded_at"][:19] <= after["updated_at"][:19]
        assert uuid.UUID(last["actor"])
        assert head.get(path_of(record, step)).json == after

    def test_begins_at_its_statuses_only(self, step, head, make):
        rule = steps.rule(step)
        record = make.create(step.resource)
        if record["status"] in rule["from"]:
            record = steps.take(head, step.id, steps.ready(head, step.id, record))
        if record["status"] in rule["from"]:
            pytest.skip("it can be taken again")
        found = problem(steps.attempt(head, step.id, record), 409, "wrong_status")
        assert record["status"] in found["detail"] and rule["from"][0] in found["detail"]
        assert head.get(path_of(record, step)).json["version"] == record["version"]

    def test_needs_the_current_version(self, step, record, head):
        problem(steps.attempt(head, step.id, record, '"999"'), 412, "precondition_failed")
        target = steps.path_of(step.id, record)
        problem(head.post(target, steps.BODIES.get(step.id, {})), 428, "precondition_required")
        assert head.get(path_of(record, step)).json["version"] == record["version"]

    def test_of_nothing(self, step, head):
        missing = {"id": str(uuid.uuid4())}
        problem(steps.attempt(head, step.id, missing), 404, "not_found")

    def test_refuses_what_it_does_not_know(self, step, record, head):
        invalid(steps.attempt(head, step.id, record, colour="red"), "/colour")
        invalid(steps.attempt(head, step.id, record, status="awarded"), "/status")

    def test_is_not_to_come(self, step, record, head):
        assert "today is" in invalid(steps.attempt(head, step.id, record, happened_on=day(1)),
                                     "/happened_on")["/happened_on"]
        invalid(steps.attempt(head, step.id, record, happened_on="2025-02-30"), "/happened_on")
        assert head.get(path_of(record, step)).json["version"] == record["version"]


@pytest.mark.parametrize("resource", steps.BY_RESOURCE)
class TestRecord:
    def test_begins_at_its_initial_status(self, resource, make):
        record = make.create(resource)
        assert (record["status"], record["transitions"]) == (steps.initial(resource), [])

    def test_status_and_steps_are_the_servers(self, resource, head, make):
        if f"patch_{resource}" not in OPERATIONS:
            for member, value in (("status", steps.initial(resource)), ("transitions", [])):
                body = make.example(resource, **{member: value})
                invalid(head.post(ALL[resource].collection, body), f"/{member}")
            return
        record = make.create(resource)
        path = ALL[resource].path(record)
        for change in ({"status": "elsewhere"}, {"transitions": [{}]}, {"status": None}):
            invalid(head.patch(path, change, "*"), "/" + next(iter(change)))
        assert head.get(path).json == record


def test_steps_follow_each_other_in_time(head, make):
    award = make.award(applied_on=day(-30))
    award = steps.take(head, "withdraw_award", award, happened_on=day(-10))
    assert award["transitions"][-1]["happened_on"] == day(-10)
    other = steps.take(head, "assess_award", make.award(applied_on=day(-30)), happened_on=day(-10))
    invalid(steps.attempt(head, "withdraw_award", other, happened_on=day(-11)), "/happened_on")
    assert steps.take(head, "withdraw_award", other, happened_on=day(-10))["version"] == 3


def test_only_head_office_records_what_was_before(world):
    coordinator = world.coordinators["own"].client
    award = world.fresh("award", "own")
    found = problem(steps.attempt(coordinator, "withdraw_award", award, happened_on=day(-1)),
                    403, "member_forbidden")
    assert [e["pointer"] for e in found["errors"]] == ["/happened_on"]
    after = steps.take(coordinator, "withdraw_award", award, happened_on=None)
    assert after["transitions"][-1]["actor"] == world.coordinators["own"].account["id"]
