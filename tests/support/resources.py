"""The resources of the contract, each with how to make a good example, to change and to break it.

The generic tests run over RESOURCES, which must list every resource that has all seven actions;
ALL has also those with fewer.
"""

import datetime
from dataclasses import dataclass
from typing import Callable, Optional

from support import confidential, steps
from support.contract import DOCUMENT, resolve
from support.places import day


# Those that every installation is shipped with.
FRAMEWORKS = {level: f"00feb74a-6800-7000-8000-00000000000{number}" for number, level in enumerate(
    ("inclusive_school_award", "centre_of_excellence", "flagship"), 1)}


class Maker:
    """Makes records through the API; every one is the caller's own."""

    def __init__(self, client, number):
        self.client, self.number = client, number

    def example(self, name, /, **members):
        return {**ALL[name].example(self), **members}

    def create(self, name, /, **members):
        response = self.client.post(ALL[name].collection, self.example(name, **members))
        assert response.status == 201, response
        return response.json

    def __getattr__(self, name):
        if name not in ALL:
            raise AttributeError(name)
        return lambda **members: self.create(name, **members)

    def urn(self):
        """Apart from those of the real register, so that importing its sample meets none."""
        return str(500000 + self.number() % 400000)

    def name(self, kind="School"):
        return f"{kind} {self.number():07d}"


@dataclass(frozen=True)
class Resource:
    name: str
    collection: str
    plural: str  # in scopes
    example: Callable
    change: dict  # a merge patch that any example takes and that changes it
    wrong: tuple  # (member, bad value)
    clash: Optional[Callable]  # of a record: a body that may not stand beside it
    refer: Optional[Callable]  # makes a record that refers to this one
    for_clients: bool = True
    keeps: tuple = ()  # members that stay as they were made

    def path(self, record, rest=""):
        return f"{self.collection}/{record['id'] if isinstance(record, dict) else record}{rest}"


def school(make):
    return {"name": make.name(), "status": "open", "phase": "Primary", "postcode": "SW1A 1AA",
            "urn": make.urn(), "low_age": 4, "high_age": 11, "nation": "england",
            "website": "https://school.example/", "telephone": "020 7946 0000"}


def cluster(make):
    return {"name": make.name("Cluster"), "region": "London", "notes": "Meets in the north."}


def person(make):
    number = make.number()
    return {"name": confidential.note(f"Wilhelmina Testperson{number}"),
            "email": confidential.note(f"wilhelmina{number}@example.org"),
            "telephone": confidential.note(f"020 794{number:08d}")}


def ambassador(make):
    return {"person_id": make.person()["id"], "joined_on": "2024-09-01"}


def assignment(make):
    return {"ambassador_id": make.ambassador()["id"], "cluster_id": make.cluster()["id"],
            "starts_on": "2025-09-01", "ends_on": "2026-08-31"}


def succession(make):
    return {"predecessor_id": make.school()["id"], "successor_id": make.school()["id"],
            "happened_on": "2025-09-01", "reason": "Became an academy."}


def terms(year):
    """Terms of the academic year that starts in `year`."""
    return {"academic_year": f"{year}/{(year + 1) % 100:02d}",
            "autumn": {"starts_on": f"{year}-09-03", "ends_on": f"{year}-12-19"},
            "spring": {"starts_on": f"{year + 1}-01-05", "ends_on": f"{year + 1}-03-27"},
            "summer": {"starts_on": f"{year + 1}-04-13", "ends_on": f"{year + 1}-07-21"}}


def term_dates(make):
    """Of an authority's own, far in the future: nobody's meeting is there by accident."""
    number = make.number()
    return {**terms(2200 + number // 1000 % 6000), "local_authority_code": f"{number % 1000:03d}"}


def meeting(make):
    return {"kind": "cluster", "cluster_id": make.cluster()["id"], "held_on": "2025-11-12",
            "start_time": "14:30", "location": "The hall", "topics": ["Sharing practice"],
            "papers": [{"title": "Agenda", "url": "https://papers.example/agenda"}]}


def attendance(make):
    return {"meeting_id": make.meeting()["id"], "school_id": make.school()["id"],
            "status": "present"}


def framework(make):
    return {"level": "flagship", "title": make.name("Framework"), "edition": "2020",
            "starts_on": "2020-09-01", "ends_on": "2040-08-31", "criteria": [
                {"code": "ethos", "kind": "criterion", "title": "Sustaining the ethos"},
                {"code": "meetings", "kind": "criterion", "title": "Meetings",
                 "description": "Comes to the meetings.", "rule": "attends_meetings",
                 "minimum": 2}]}


def contribution(make):
    return {"school_id": make.school()["id"], "kind": "practice", "title": "A quiet corner",
            "description": "Every class has a place to calm down.", "happened_on": "2025-11-12",
            "partner_school_ids": [make.school()["id"]], "impact": "Fewer pupils are sent out.",
            "visibility": "cluster",
            "criteria": [{"framework_id": FRAMEWORKS["flagship"], "code": "sharing"}]}


def evidence(make):
    """Of a contribution of its school's."""
    shared = make.contribution()
    return {"school_id": shared["school_id"], "subject": {"type": "contribution", "id": shared["id"]},
            "part": "photographs", "framework_id": FRAMEWORKS["centre_of_excellence"],
            "criterion": "dissemination", "title": "The quiet corner", "notes": "As it was in May.",
            "kind": "link", "url": "https://school.example/corner"}


def award(make):
    return {"school_id": make.school()["id"], "level": "inclusive_school_award",
            "framework_id": FRAMEWORKS["inclusive_school_award"], "applied_on": "2020-09-01",
            "notes": "Asked by telephone."}


def review(make):
    return {"award_id": make.award()["id"], "assessor_person_id": make.person()["id"],
            "scheduled_on": "2025-06-10", "seen": "Children who help each other.",
            "judgements": [{"criterion": "curriculum", "judgement": "met", "comment": "Open."}]}


def judge_by(make, framework):
    """An application of a Centre of Excellence for Flagship."""
    school = make.school()
    for level in ("inclusive_school_award", "centre_of_excellence"):
        award = make.award(school_id=school["id"], level=level, framework_id=FRAMEWORKS[level])
        steps.bring(make.client, "award", award, "awarded")
    return make.award(school_id=school["id"], level="flagship", framework_id=framework["id"],
                      applied_on=day(-200))


def given(make, level, school=None):
    """An award of the level with what is below: given so long ago that its contract is over, but for
    Flagship, which is applied for."""
    school = school or make.school()
    for each in FRAMEWORKS:
        award = make.award(school_id=school["id"], level=each, framework_id=FRAMEWORKS[each],
                           applied_on=day(-1300 if each != "flagship" else -200))
        if each != "flagship":
            award = steps.bring(make.client, "award", award, "awarded")
        if each == level:
            return award
    raise AssertionError(level)


def year_of(text, later=0):
    """The academic year of a day, or so many later."""
    first = int(text[:4]) - (text[5:7] < "09") + later
    return f"{first}/{(first + 1) % 100:02d}"


def target(make, award, number, school_id=None, **members):
    """One of a plan, whole. `school_id`: where who is responsible works."""
    contract = award["contracts"][0]
    person = make.person(school_id=school_id or award["school_id"])
    return {"key": f"target-{number}", "title": f"Target {number}",
            "development_plan_reference": f"Priority {number}", "next_steps": "Train all staff.",
            "responsible_person_ids": [person["id"]], "starts_on": contract["starts_on"],
            "ends_on": contract["ends_on"], "success_measure": "Fewer pupils are sent out.", "impact": "Lessons are calm.", **members}


def plan_of(make, award, later=1, school_id=None):
    """Of so many years after that in which the award was given."""
    return {"award_id": award["id"],
            "academic_year": year_of(award["contracts"][0]["starts_on"], later),
            "targets": [target(make, award, number, school_id) for number in range(1, 4)]}


def plan(make):
    return plan_of(make, given(make, "centre_of_excellence"))


def project_of(make, award, school_id=None):
    person = make.person(school_id=school_id or award["school_id"])
    return {"award_id": award["id"], "title": "Quiet corners", "outline": "We look at what calms.",
            "starts_on": "2024-09-01", "ends_on": "2026-07-20",
            "steps": [{"key": "look", "title": "Look", "description": "In every class.",
                       "responsible_person_ids": [person["id"]],
                       "responsible_groups": ["Year 3"],
                       "starts_on": "2024-09-01", "ends_on": "2025-07-20"}]}


def project(make):
    return project_of(make, given(make, "flagship"))


def update_of(project, year="2024/25"):
    return {"project_id": project["id"], "academic_year": year, "progress": "All looked.",
            "impact": "Calmer breaks.", "next_steps": "Look again."}


def project_update(make):
    return update_of(make.project())


def working_day(number):
    """One of a Tuesday, Wednesday or Thursday of spring to autumn, far in the future."""
    year, rest = 2200 + number // 100 % 7000, number % 100
    first = datetime.date(year, 3, 1)
    tuesday = first + datetime.timedelta((1 - first.weekday()) % 7)
    return str(tuesday + datetime.timedelta(rest // 3 * 7 + rest % 3))


def bank_holiday(make):
    """Far in the future, where no clock of another test comes."""
    return {"day": working_day(make.number()), "name": "A coronation", "kind": "added"}


def legal_hold(make):
    return {"person_id": make.person()["id"], "kind": "legal_claim", "placed_on": "2025-09-01",
            "ground": confidential.note(f"The solicitor asks to keep all, claim {make.number()}.")}


def privacy_request(make):
    return {"person_id": make.person()["id"], "kind": "complaint",
            "details": confidential.note(f"You wrote to me {make.number()} times.")}


def webhook_endpoint(make):
    """Nothing is sent to it."""
    return {"url": "https://hooks.example/iqm", "description": make.name("Portal"),
            "event_types": ["webhook_endpoint.deleted"], "status": "paused"}


def account(make):
    return {"person_id": make.person()["id"], "roles": ["ambassador"], "suspended": False}


def client(make):
    return {"name": make.name("Client"), "kind": "confidential", "scopes": ["schools:read"],
            "redirect_uris": ["https://front.example/back"], "origins": ["https://front.example"]}


def _same(example, *members):
    """A clash: another record with the same values of these members."""
    return lambda make, record: {**example(make), **{name: record[name] for name in members}}


def _supported(kind):
    """A record that refers: evidence of it."""
    return lambda make, record: make.evidence(subject={"type": kind, "id": record["id"]})


_TABLE = [
    Resource("school", "/v1/schools", "schools", school, {"town": "Leeds"},
             ("name", ""), _same(school, "urn"),
             lambda make, record: make.succession(predecessor_id=record["id"])),
    Resource("cluster", "/v1/clusters", "clusters", cluster, {"region": "North West"},
             ("name", 7), _same(cluster, "name"),
             lambda make, record: make.school(cluster_id=record["id"])),
    Resource("person", "/v1/people", "people", person, {"telephone": "01632 960001"},
             ("email", "nobody"), None,
             lambda make, record: make.ambassador(person_id=record["id"]), for_clients=False),
    Resource("ambassador", "/v1/ambassadors", "ambassadors", ambassador, {"left_on": "2026-07-31"},
             ("left_on", "2020-01-01"), _same(ambassador, "person_id"),
             lambda make, record: make.assignment(ambassador_id=record["id"])),
    Resource("assignment", "/v1/assignments", "assignments", assignment,
             {"ends_on": "2026-07-31"}, ("ends_on", "2020-01-01"),
             _same(assignment, "cluster_id"), None),
    Resource("succession", "/v1/successions", "successions", succession,
             {"reason": "Merged."}, ("happened_on", "2025-02-30"),
             _same(succession, "predecessor_id", "successor_id"), None),
    Resource("term_dates", "/v1/term-dates", "term_dates", term_dates,
             {}, ("academic_year", "2026/28"),
             _same(term_dates, "academic_year", "local_authority_code", "autumn", "spring",
                                        "summer"), None),
    Resource("account", "/v1/accounts", "accounts", account, {"suspended": True},
             ("suspended", "no"), _same(account, "person_id"), None, for_clients=False,
             keeps=("person_id",)),
    Resource("client", "/v1/clients", "clients", client, {"origins": ["https://one.example"]},
             ("kind", "secret"), _same(client, "name"), None, for_clients=False),
    Resource("meeting", "/v1/meetings", "meetings", meeting, {"notes": "All were there."},
             ("topics", []), None,
             lambda make, record: make.attendance(meeting_id=record["id"])),
    Resource("attendance", "/v1/attendances", "attendances", attendance,
             {"status": "apologies"}, ("status", "late"),
             _same(attendance, "meeting_id", "school_id"), None),
    Resource("framework", "/v1/frameworks", "frameworks", framework, {"edition": "2021"},
             ("edition", ""), None,
             judge_by),
    Resource("award", "/v1/awards", "awards", award, {"notes": "Asked by post."},
             ("level", "gold"), _same(award, "school_id", "level"),
             lambda make, record: make.review(award_id=record["id"]),
             keeps=("school_id", "level")),
    Resource("review", "/v1/reviews", "reviews", review, {"seen": "Calm corridors."},
             ("scheduled_on", "2025-02-30"), None, _supported("review"), keeps=("award_id",)),
    Resource("plan", "/v1/plans", "plans", plan,
             {"targets": [{"key": "one", "title": "Calm corridors"}]}, ("award_id", "one"),
             _same(plan, "award_id", "academic_year"), _supported("plan"),
             keeps=("award_id", "academic_year")),
    Resource("project", "/v1/projects", "projects", project, {"title": "Quiet rooms"},
             ("title", ""), _same(project, "award_id"),
             lambda make, record: make.project_update(project_id=record["id"]),
             keeps=("award_id",)),
    Resource("project_update", "/v1/project-updates", "project_updates", project_update,
             {"progress": "Half looked."}, ("progress", 7),
             _same(project_update, "project_id", "academic_year"), _supported("project_update"),
             keeps=("project_id", "academic_year")),
    Resource("contribution", "/v1/contributions", "contributions", contribution,
             {"title": "A quiet room"}, ("kind", "talk"), None,
             _supported("contribution")),
    Resource("evidence", "/v1/evidence", "evidence", evidence, {"notes": "As it was in June."},
             ("title", ""), None, None),
    Resource("bank_holiday", "/v1/bank-holidays", "bank_holidays", bank_holiday,
             {"name": "A jubilee"}, ("kind", "moved"), _same(bank_holiday, "day"), None),
    Resource("legal_hold", "/v1/legal-holds", "legal_holds", legal_hold,
             {"kind": "regulator"}, ("ground", ""), None, None, for_clients=False,
             keeps=("person_id",)),
    Resource("webhook_endpoint", "/v1/webhook-endpoints", "webhook_endpoints", webhook_endpoint,
             {"description": "The portal for ambassadors"}, ("event_types", []), None, None,
             for_clients=False),
]
_PARTIAL = [
    Resource("privacy_request", "/v1/privacy-requests", "privacy_requests", privacy_request, {},
             ("kind", "question"), None, None, for_clients=False),
]
RESOURCES = {resource.name: resource for resource in _TABLE}
ALL = {**RESOURCES, **{resource.name: resource for resource in _PARTIAL}}


def change_of(resource, record):
    """A merge patch that changes the record and leaves it good."""
    if resource.name != "term_dates":
        return resource.change
    year = int(record["academic_year"][:4])
    return {"autumn": {"ends_on": f"{year}-12-18"}}


def ours(record, resource):
    """Without what the server sets."""
    schema = DOCUMENT["components"]["schemas"][DOCUMENT["x-resources"][resource]["schema"]]
    return {name: value for name, value in record.items()
            if not resolve(schema["properties"][name]).get("readOnly")}
