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
    "return_review": {"comment": "Say more of what was seen."},
    "return_plan": {"comment": "Say who is responsible."},
    "return_project": {"comment": "Say what you want to find out."},
    "return_project_update": {"comment": "Say what comes next."},
    "pause_privacy_request": {"reason": "identity", "question": "Where do you work?"},
    "extend_privacy_request": {"extension_reason": "There are many letters."},
    "complete_privacy_request": {"outcome": "All was sent by post."},
    "refuse_privacy_request": {"ground": "manifestly_unfounded",
                               "explanation": "It was answered twice."},
}
# How many days ago a step was, that brings a record where another begins.
AGO = {"assess_award": 1200, "grant_award": 1200}
# What makes a record ready for a step, as head office, by operation: function(client, record), which
# returns it.
READY = {}
# What records decide; all other criteria are judged in a review.
BY_RECORDS = ("annual_visit", "cluster_member", "attends_meetings", "held_three_years",
              "plan_each_year", "project_update_each_year")


def judgements(client, award, **other):
    """All that people judge of an award: met, but for `other`."""
    framework = client.get(f"/v1/frameworks/{award['framework_id']}").json
    return [{"criterion": c["code"], "judgement": other.get(c["code"], "met")}
            for c in framework["criteria"] if c.get("rule") not in BY_RECORDS]


def write_report(client, review, outcome="not_awarded", **other):
    """Makes a visited review one that can be handed in."""
    award = client.get(f"/v1/awards/{review['award_id']}").json
    response = client.patch(f"/v1/reviews/{review['id']}", {
        "seen": "Children who help each other.", "strengths": "Kindness.",
        "areas_to_develop": "Reading.", "outcome": outcome,
        "judgements": judgements(client, award, **other)}, "*")
    assert response.status == 200, response
    return response.json


READY["report_review"] = write_report


def agree_to_its_project(client, update):
    project = client.get(f"/v1/projects/{update['project_id']}").json
    if project["status"] in ("draft", "submitted"):
        bring(client, "project", project, "agreed")
    return update


READY["submit_project_update"] = agree_to_its_project


def update_each_year(client, project):
    """Hands in an update of each year."""
    for year in range(int(project["starts_on"][:4]), int(project["ends_on"][:4])):
        made = client.post("/v1/project-updates", {
            "project_id": project["id"], "academic_year": f"{year}/{(year + 1) % 100:02d}",
            "progress": "All looked.", "impact": "Calm.", "next_steps": "Look again."})
        assert made.status == 201, made
        take(client, "submit_project_update", made.json)
    return project


READY["complete_project"] = update_each_year


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
    return READY[name](client, record) if name in READY else record
