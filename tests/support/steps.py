"""Steps of records from one status to the next: how to take each, and what must be there before.

Read from the contract (x-transition). Must know no expectation.
"""

from collections import deque

from support.contract import DOCUMENT, OPERATIONS
from support.places import day

STEPS = {o.id: o for o in OPERATIONS.values() if o.action == "transition"}
BY_RESOURCE = {}
for _step in STEPS.values():
    BY_RESOURCE.setdefault(_step.resource, []).append(_step)

# What is sent along, where more than nothing is needed.
BODIES = {
    "defer_award": {"comment": "No meeting was attended."},
    "withdraw_award": {"comment": "The school leaves the programme."},
}
# How many days ago a step was, that brings a record where another begins.
AGO = {"assess_award": 1200, "grant_award": 1200}
# What makes a record ready for a step, as head office: function(client, record), by operation.
READY = {}


def rule(step):
    return step.node["x-transition"]


def initial(resource):
    return DOCUMENT["x-resources"][resource]["initial"]


def path_of(name, record):
    return STEPS[name].path.replace("{" + f"{STEPS[name].resource}_id" + "}", record["id"])


def attempt(client, name, record, match="*", **more):
    """The response to a step. `more`: members of its body."""
    return client.post(path_of(name, record), {**BODIES.get(name, {}), **more},
                       headers={"If-Match": match})


def take(client, name, record, **more):
    """The record after a step that must go well."""
    if name in READY:
        READY[name](client, record)
    response = attempt(client, name, record, **more)
    assert response.status == 200, response
    return response.json


def way_to(resource, wanted, start=None):
    """The shortest list of steps to one of the statuses; None: there is none."""
    start = start or initial(resource)
    found, queue = {start: []}, deque([start])
    while queue:
        status = queue.popleft()
        if status in wanted:
            return found[status]
        for step in BY_RESOURCE.get(resource, []):
            if status in rule(step)["from"] and rule(step)["to"] not in found:
                found[rule(step)["to"]] = [*found[status], step.id]
                queue.append(rule(step)["to"])
    return None


def bring(client, resource, record, *wanted):
    """The record at one of the statuses."""
    way = way_to(resource, wanted, record["status"])
    assert way is not None, f"no way from {record['status']} to {wanted}"
    for name in way:
        when = {"happened_on": day(-AGO[name])} if name in AGO else {}
        record = take(client, name, record, **when)
    return record


def ready(client, name, record):
    """The record where the step begins, with what the step needs."""
    record = bring(client, STEPS[name].resource, record, *rule(STEPS[name])["from"])
    if name in READY:
        READY[name](client, record)
    return record
