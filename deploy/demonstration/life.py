"""The life of one school in the programme, as a list of acts with their days. Talks to nobody: the
same day and school always give the same acts."""
import datetime
import random
from typing import NamedTuple

from . import texts
from .days import DAY, name_of, weekday, year_of, years_on

ISA, COE, FLAGSHIP = "inclusive_school_award", "centre_of_excellence", "flagship"
KINDS, VISIBILITIES = list(texts.CONTRIBUTIONS), ["cluster", "programme", "public"]


class Ref(str):
    """Stands in an act for the id of what an earlier act made under this name."""


class Act(NamedTuple):
    """One request: `verb` is create, change, upload, or a step such as sign-off."""
    day: datetime.date
    verb: str
    key: str
    path: str
    body: dict


class Contract(NamedTuple):
    """Three years of an award; it cannot be built on before the day on which it was given."""
    given: datetime.date
    starts: datetime.date
    ends: datetime.date


def contract_of(given, starts=None):
    """The contract that was given on a day."""
    starts = starts or given
    return Contract(given, starts, years_on(starts, 3) - DAY)


def signed_off(visit):
    """When the review of a visit is signed off."""
    return visit + 14 * DAY


class Life:
    """Collects the acts of one school. Its methods name things: "coe", "review-3", "plan-2026"."""

    def __init__(self, number, days):
        self.number, self.days = number, days
        self.random = random.Random(number)
        self.acts, self.staff = [], []
        self.made = {}  # how many of a kind
        self.latest = {}  # the day of the newest step of each record
        self.absent = []  # spans of days without a visit to cluster meetings
        self.successions = []
        self.themes = self.random.sample(texts.THEMES, len(texts.THEMES))
        self.levels = {}

    # ---- acts ----

    def key(self, name):
        return f"{self.number}:{name}"

    def ref(self, name):
        return Ref(self.key(name))

    def next(self, kind):
        self.made[kind] = self.made.get(kind, 0) + 1
        return self.made[kind]

    def school(self, day):
        """The school as it was on a day."""
        since = [new for new, first in self.successions if first <= day]
        return Ref(f"school-{since[-1] if since else self.number}")

    def create(self, day, name, path, /, **body):
        self.acts.append(Act(day, "create", self.key(name), path, body))
        self.latest[name] = day
        return name

    def change(self, day, name, path, /, **body):
        self.acts.append(Act(max(day, self.latest[name]), "change", self.key(name), path, body))

    def step(self, day, name, path, verb, /, **body):
        """A step is never before the one before it."""
        self.latest[name] = day = max(day, self.latest[name])
        self.acts.append(Act(day, verb, self.key(name), path, {**body, "happened_on": day}))
        return day

    # ---- people ----

    def hire(self, day, count):
        """Staff, who answer for targets and steps."""
        for _ in range(count):
            first = texts.FIRST_NAMES[(self.number * 5 + len(self.staff) * 7) % 24]
            last = texts.LAST_NAMES[(self.number + len(self.staff) * 11) % 24]
            name = f"person-{len(self.staff)}"
            self.create(day, name, "/v1/people", name=f"{first} {last}", school_id=self.school(day),
                        job_title=texts.JOBS[(self.number + len(self.staff)) % len(texts.JOBS)],
                        email=f"{first}.{last}.{self.number}@schools.example.org".lower())
            self.staff.append(name)

    def responsible(self, day, count):
        """So many of those who worked there on a day."""
        there = [name for name in self.staff if self.latest[name] <= day]
        return [self.ref(name) for name in self.random.sample(there, min(count, len(there)))]

    # ---- awards ----

    def apply(self, level, day, name=None):
        name = name or level
        self.levels[name] = level
        return self.create(day, name, "/v1/awards", school_id=self.school(day), level=level,
                           applied_on=day)

    def award_step(self, day, award, verb, **body):
        return self.step(day, award, "/v1/awards", verb, **body)

    def schedule(self, award, day, made_on=None):
        """A review that is to come, or has come and is told by `review`."""
        made_on = max(made_on or day - 30 * DAY, self.latest_application(award))
        return self.create(made_on, f"review-{self.next('review')}", "/v1/reviews",
                           award_id=self.ref(award), scheduled_on=day, judgements=[],
                           assessor_person_id=Ref(f"assessor-{self.number % 3}"))

    def latest_application(self, award):
        return next(act.day for act in self.acts if act.key == self.key(award))

    def judgements(self, award, failing):
        found = []
        for code, (good, bad) in texts.JUDGED[self.levels[award]].items():
            failed = code in failing
            found.append({"criterion": code, "judgement": "not_met" if failed else "met",
                          "comment": bad if failed else good})
        return found

    def visit(self, award, day):
        """The visit takes place."""
        name = self.schedule(award, day)
        self.step(day, name, "/v1/reviews", "visit")
        return name

    def report(self, award, day, outcome, failing=(), reported=None):
        """A visit with its report."""
        name = self.visit(award, day)
        self.change(day + DAY, name, "/v1/reviews", outcome=outcome, seen=self.random.choice(texts.SEEN),
                    strengths=" ".join(self.random.sample(texts.STRENGTHS, 2)),
                    areas_to_develop=self.random.choice(texts.AREAS),
                    judgements=self.judgements(award, failing))
        self.step(reported or day + 7 * DAY, name, "/v1/reviews", "report")
        return name

    def review(self, award, day, outcome, failing=()):
        """A whole review; the day on which it was signed off, and its name."""
        name = self.report(award, day, outcome, failing)
        return self.step(signed_off(day), name, "/v1/reviews", "sign-off"), name

    def next_review(self, award, day, within=120):
        """The visit to come is scheduled some months before."""
        if day <= self.days.today + within * DAY:
            made_on = min(self.days.recent(6), day - 40 * DAY)
            self.schedule(award, max(weekday(day), self.days.soon(7)), made_on)

    # ---- plans ----

    def plan_days(self, contract, year):
        """When a plan is handed in, agreed and reviewed, were nothing in the way."""
        opens = max(contract.given + 7 * DAY, datetime.date(year, 9, 20))
        over = datetime.date(year + 1, 7, 3)
        return weekday(opens + 7 * DAY), weekday(opens + 21 * DAY), weekday(over)

    def theme(self, year, number):
        """What a target of a year is about."""
        return self.themes[(year * 4 + number) % len(self.themes)]

    def target(self, made_on, year, number, contract, carried=None):
        theme = self.theme(year, number)
        first = max(contract.starts, datetime.date(year, 9, 8))
        last = min(contract.ends - DAY, datetime.date(year + 1, 7, 3 + number))
        target = {"key": f"target-{number}", "title": theme.target, "next_steps": theme.steps,
                  "development_plan_reference": theme.reference, "success_measure": theme.measure,
                  "starts_on": first, "ends_on": last,
                  "responsible_person_ids": self.responsible(made_on, 1 + number % 2)}
        if carried:
            before = self.theme(year - 1, 2)
            steps = before.steps[0].lower() + before.steps[1:]
            target.update(title=f"{before.target}: the second year", carried_from=carried,
                          development_plan_reference=before.reference,
                          next_steps=f"Widen to all year groups: {steps}",
                          success_measure=before.measure)
        return target

    def plan(self, award, year, contract, wanted, earlier=None):
        """The plan of a year, as far as it is wanted; a draft is not complete."""
        submit, agree, review = self.plan_days(contract, year)
        if year >= self.days.year:
            submit = max(contract.given, min(submit, self.days.recent(9)))
            agree = max(submit, min(agree, self.days.recent(3)))
        name, path = f"plan-{year}", "/v1/plans"
        carried = {"plan_id": self.ref(earlier), "target": "target-2"} if earlier else None
        made_on = max(contract.given, submit - 5 * DAY)
        targets = [self.target(made_on, year, number, contract, carried if number == 1 else None)
                   for number in range(1, 4 + (year + self.number) % 2)]
        if wanted == "draft":
            targets = [targets[0], {"key": "target-2", "title": targets[1]["title"]}]
        self.create(made_on, name, path, award_id=self.ref(award),
                    academic_year=name_of(year), targets=targets)
        if wanted == "draft":
            return name
        self.step(submit, name, path, "submit")
        if wanted == "submitted":
            return name
        self.step(agree, name, path, "agree", comment="Agreed at a conversation with the ambassador.")
        if wanted == "reviewed":
            self.change(review - 10 * DAY, name, path, targets=[self.achieved(t, year) for t in targets])
            self.step(review, name, path, "review")
        return name

    def achieved(self, target, year):
        """A target with what came of it."""
        carried = "carried_from" in target
        theme = self.theme(year - 1, 2) if carried else self.theme(year, int(target["key"][-1]))
        return {**target, "progress": theme.progress, "impact": theme.impact}

    def plans(self, award, contracts, until=None, now="agreed"):
        """A plan for each academic year of which 1 March is under contract, each with a target of
        the one before carried on; `until`: the day from which a project takes their place."""
        earlier = None
        for contract in contracts:
            for year in range(contract.starts.year - 1, self.days.year + 1):
                march = datetime.date(year + 1, 3, 1)
                if not contract.starts <= march <= contract.ends or (until and until <= march):
                    continue
                wanted = "reviewed" if year < self.days.year else now
                if wanted:
                    earlier = self.plan(award, year, contract, wanted, earlier)

    # ---- projects ----

    def project(self, award, given, starts, number, wanted, visit):
        """A project over three academic years with its updates. `wanted`: its status today, where the
        days allow for that; `visit`: the one at which the award was given."""
        title, outline, steps = texts.PROJECTS[number % len(texts.PROJECTS)]
        name, path, year = f"project-{self.next('project')}", "/v1/projects", year_of(starts)
        ends = datetime.date(year + 3, 7, 10)
        span = (ends - starts) // len(steps)
        made_on = max(given, min(given + 3 * DAY, self.days.recent(5)))
        self.create(made_on, name, path, award_id=self.ref(award), title=title, outline=outline,
                    starts_on=starts, ends_on=ends, steps=[{
                        "key": key, "title": what, "responsible_groups": [group],
                        "responsible_person_ids": self.responsible(made_on, 1),
                        "starts_on": starts + n * span, "ends_on": starts + (n + 1) * span}
                        for n, (key, what, group) in enumerate(steps)])
        if wanted == "draft":
            return name
        self.step(min(given + 5 * DAY, self.days.recent(4)), name, path, "submit")
        if wanted == "submitted":
            return name
        self.step(min(given + 9 * DAY, self.days.recent(2)), name, path, "agree")
        self.updates(name, year, visit)
        if wanted == "completed" and ends <= self.days.today:
            self.step(ends, name, path, "complete", comment="All steps are done and shared.")
        return name

    def updates(self, project, year, visit):
        """One for each academic year: before the visit where that is in summer, else in July."""
        for number, (progress, impact, carried_on) in enumerate(texts.UPDATES):
            day = datetime.date(year + number + 1, 7, 4)
            if visit.month in (5, 6, 7):
                visited = datetime.date(year + number + 1, visit.month, visit.day)
                day = min(day, weekday(visited - 21 * DAY))
            if year + number > self.days.year:
                return
            name, path = f"update-{self.next('update')}", "/v1/project-updates"
            written = min(day - 7 * DAY, self.days.recent(1))
            done = day <= self.days.today
            self.create(max(written, self.latest[project]), name, path, project_id=self.ref(project),
                        academic_year=name_of(year + number), progress=progress,
                        **({"impact": impact, "next_steps": carried_on} if done else {}))
            if done:
                self.step(day, name, path, "submit")

    # ---- what is shared, and what supports it ----

    def contribute(self, count, place, since):
        """`place`: of the first among all contributions, so that every kind meets every visibility."""
        for n in range(place, place + count):
            kind = KINDS[n % len(KINDS)]
            theme = self.themes[n % len(self.themes)]
            title, begins = texts.CONTRIBUTIONS[kind]
            ago = self.random.randrange(3, max(4, (self.days.today - since).days))
            day = max(since, self.days.recent(ago))
            partners = {"partner_school_ids": self.partners()} if kind != "practice" else {}
            name = self.create(day, f"contribution-{n}", "/v1/contributions", school_id=self.school(day),
                               kind=kind, title=title.format(theme.about),
                               criteria=self.evidences(kind),
                               description=f"{begins} {theme.practice}", happened_on=day,
                               impact=theme.change, visibility=VISIBILITIES[n // 7 % 3], **partners)
            if n % 2:
                self.link(day, "contribution", name, theme.about, criterion=(COE, "dissemination"))

    def evidences(self, kind):
        """The criteria of the levels that the school is at."""
        codes = zip((COE, FLAGSHIP), texts.EVIDENCES[kind])
        return [{"framework_id": Ref(f"framework-{level}"), "code": code}
                for level, code in codes if level in self.levels]

    def partners(self):
        """One or two other schools of the cluster."""
        others = [self.number // 10 * 10 + index for index in range(1, 8)]
        chosen = self.random.sample([n for n in others if n != self.number], 1 + self.number % 2)
        return [Ref(f"school-{number}") for number in chosen]

    def evidence(self, day, subject, of, title, /, part=None, criterion=None, **body):
        """Of a record of this school; with a part of that, and the criterion that it supports."""
        if part:
            body["part"] = part
        if criterion:
            body.update(framework_id=Ref(f"framework-{criterion[0]}"), criterion=criterion[1])
        body.setdefault("kind", "link")
        day = max(day, self.latest[of])
        return self.create(day, f"evidence-{self.next('evidence')}", "/v1/evidence", title=title,
                           school_id=self.school(day), subject={"type": subject, "id": self.ref(of)},
                           **body)

    def link(self, day, subject, of, about, **more):
        page = about.replace(",", "").replace(" ", "-")
        self.evidence(day, subject, of, f"Page on {about}",
                      url=f"https://school-{self.number}.example.org/inclusion/{page}", **more)

    def file(self, day, subject, of, title, what, **more):
        """A file of one of the kinds in files.py."""
        name = self.evidence(day, subject, of, title, kind="file", **more)
        self.acts.append(Act(self.latest[name], "upload", self.key(name), "/v1/evidence",
                             {"what": what, "title": title, "number": self.number}))
