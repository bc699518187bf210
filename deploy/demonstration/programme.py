"""The whole invented programme as lists of acts: of head office, of each cluster, of each school. What
stands in one list is done in order; the lists of schools know nothing of each other."""
import random

from . import texts
from .days import DAY, Days, name_of, terms
from .life import FLAGSHIP, Act, Life, Ref
from .register import REGIONS
from .stories import STORIES

# Academic years before the current one with meetings.
YEARS = 4
LEADERS = ["Ada Quill", "Bram Thistle", "Cora Pebble", "Dev Lantern", "Edie Marrow", "Finn Oakapple"]
FORMER_LEADER = "Greta Wren-Harbour"
ASSESSORS = ["Hal Merriweather-Stone", "Isolde Tarn-Fielding", "Jonty Brackenridge-Low"]
SAMPLE_FILES = [("survey", "What learners said, in words and figures"),
                ("chart", "Attendance before and after"), ("summary", "Summary for governors")]


def lives(days):
    """Every school that takes part, by its number, with all that it did."""
    found, shared = {}, 0
    for region, row in enumerate(STORIES):
        for index, story in enumerate(row):
            if story is None:
                continue
            life = found[region * 10 + index] = Life(region * 10 + index, days)
            story[0](life, *story[1:])
            shared += share(life, shared)
    return found


def share(life, place):
    """Contributions and evidence of a school that has staff; how many contributions."""
    if not life.staff or any(act.verb == "withdraw" for act in life.acts):
        return 0
    count = 4 if FLAGSHIP in life.levels else 2
    life.contribute(count, place, max(life.latest["person-0"], life.days.today - 1400 * DAY))
    plans = [name for name in life.latest if name.startswith("plan-")]
    if plans:
        life.link(life.days.today, "plan", plans[-1], "how we plan", part="target-1")
    if place % 3 == 0:
        what, title = SAMPLE_FILES[place // 3 % 3]
        life.file(life.days.today, "contribution", f"contribution-{place}", title, what)
    if "project-1" in life.latest:
        step = next(a for a in life.acts if a.key == life.key("project-1")).body["steps"][0]["key"]
        life.file(life.days.today, "project", "project-1", "The baseline in figures", "survey",
                  part=step)
    if "update-1" in life.latest:
        life.file(life.days.today, "project_update", "update-1", "Findings on one page", "summary")
    return count


def in_order(acts):
    """By day; what happens on one day stays in the order in which it was told."""
    return sorted(acts, key=lambda act: act.day)


# ---- head office ----

def head_office(days):
    """Term dates, and who visits schools."""
    start = days.today - 2500 * DAY
    acts = [Act(start, "create", f"terms-{year}", "/v1/term-dates", {
        "academic_year": name_of(year),
        **{term: {"starts_on": a, "ends_on": b} for term, (a, b) in terms(year).items()}})
        for year in range(days.year - YEARS, days.year + 1)]
    acts += [Act(start, "create", f"assessor-{n}", "/v1/people", {
        "name": name, "job_title": "Assessor", "telephone": f"01632 96012{n}"})
        for n, name in enumerate(ASSESSORS)]
    return acts


# ---- clusters ----

def leader(region, name, joined, place):
    """A person who leads clusters."""
    email = name.lower().replace(" ", ".") + "@example.org"
    return [Act(joined, "create", f"person-of-{place}", "/v1/people", {
                "name": name, "email": email, "telephone": f"01632 9601{region:02d}"}),
            Act(joined, "create", f"leader-{place}", "/v1/ambassadors", {
                "person_id": Ref(f"person-of-{place}"), "joined_on": joined})]


def assignment(region, place, first, last=None):
    """Who led the cluster from when to when."""
    body = {"ambassador_id": Ref(f"leader-{place}"), "cluster_id": Ref(f"cluster-{region}"),
            "starts_on": first}
    if last:
        body["ends_on"] = last
    return Act(first, "create", f"assignment-{place}", "/v1/assignments", body)


def cluster(region, days, lived):
    """A cluster, who leads it, and its schools. In the last two places of a region no school is in a
    cluster. The first cluster has changed hands."""
    name, _, _, _, title = REGIONS[region]
    first = terms(days.year - YEARS - 1)["autumn"][0].replace(day=1)
    changed = terms(days.year - 1)["autumn"][0].replace(day=1)
    acts = [Act(first, "create", f"cluster-{region}", "/v1/clusters",
                {"name": f"{title} Cluster", "region": name})]
    acts += leader(region, LEADERS[region], first, region)
    if region == 0:
        acts += leader(9, FORMER_LEADER, first, "former")
        acts += [assignment(region, "former", first, changed - DAY), assignment(region, region, changed)]
    else:
        acts.append(assignment(region, region, first))
    for index in range(8):
        life = lived.get(region * 10 + index)
        member = life.successions[-1][0] if life and life.successions else region * 10 + index
        acts.append(Act(first, "change", f"school-{member}", "/v1/schools",
                        {"cluster_id": Ref(f"cluster-{region}")}))
    return acts


def is_away(life, day):
    """Whether the story of a school tells that it comes to no meeting."""
    return life is not None and any(first <= day <= last for first, last in life.absent)


def attendance(life, number, day, source, missed):
    """How a school attended. Nobody misses more than one meeting a year but who is told to."""
    if is_away(life, day):
        return "absent" if source.random() < 0.5 else "apologies"
    if missed and not (life and life.absent):
        return "apologies" if number % 2 else "absent"
    return "present"


def meetings(region, days, lived):
    """Cluster meetings of each term with who came, and additional meetings between schools; in the
    last cluster one term of last year went by without one."""
    source, acts = random.Random(region), []
    for year in range(days.year - YEARS, days.year + 1):
        missing = {number: source.randrange(6) for number in range(8)}  # 3 to 5: none
        for place, (first, last) in enumerate(terms(year).values()):
            day = first + source.randint(14, max(15, (last - first).days - 14)) * DAY
            day -= max(0, day.weekday() - 4) * DAY
            if (region, year, place) == (len(REGIONS) - 1, days.year - 1, 0):
                continue
            acts += meeting(region, day, f"meeting-{region}-{year}-{place}", source, days, lived, [
                number for number in range(8) if missing[number] == place and region < 5])
        acts += joint_meeting(region, spring_day(year, source), year, source, days, lived)
    return acts


def spring_day(year, source):
    """A weekday in a spring term."""
    first, last = terms(year)["spring"]
    day = first + source.randint(10, (last - first).days - 5) * DAY
    return day - max(0, day.weekday() - 4) * DAY


def school_on(lived, number, day):
    life = lived.get(number)
    return life.school(day) if life else Ref(f"school-{number}")


def meeting(region, day, key, source, days, lived, missing):
    """A meeting of the cluster; the host's hall is named by the place."""
    host = source.choice([n for n in range(8) if not is_away(lived.get(region * 10 + n), day)])
    held = day <= days.today
    body = {"kind": "cluster", "cluster_id": Ref(f"cluster-{region}"), "held_on": day,
            "start_time": source.choice(["09:30", "13:30", "14:00"]),
            "host_school_id": school_on(lived, region * 10 + host, day),
            "location": source.choice(["School hall", "Library", "Community room", "Studio"]),
            "topics": source.choice(texts.TOPICS),
            "papers": [{"title": "Agenda", "url": f"https://papers.example.org/{key}/agenda"}]}
    if held:
        body["notes"] = source.choice(texts.NOTES)
    acts = [Act(day, "create", key, "/v1/meetings", body)]
    for index in range(8):
        number = region * 10 + index
        status = attendance(lived.get(number), number, day, source, index in missing and index != host)
        if held:
            acts.append(Act(day, "create", f"{key}-{index}", "/v1/attendances", {
                "meeting_id": Ref(key), "school_id": school_on(lived, number, day), "status": status}))
    return acts


def joint_meeting(region, day, year, source, days, lived):
    """Between a host and two others, in a year of two."""
    if (year + region) % 2 or day > days.today:
        return []
    key = f"joint-{region}-{year}"
    host, *others = [school_on(lived, region * 10 + n, day) for n in source.sample(range(1, 8), 3)]
    acts = [Act(day, "create", key, "/v1/meetings", {
        "kind": "additional", "host_school_id": host, "invited_school_ids": others, "held_on": day,
        "start_time": "15:45", "location": "Staff room", "topics": source.choice(texts.JOINT_TOPICS)})]
    acts += [Act(day, "create", f"{key}-{n}", "/v1/attendances", {
        "meeting_id": Ref(key), "school_id": school, "status": "present"})
        for n, school in enumerate([host, *others])]
    acts.append(Act(day, "create", f"{key}-slides", "/v1/evidence", {
        "school_id": host, "subject": {"type": "meeting", "id": Ref(key)}, "kind": "link",
        "title": "What we took away", "url": f"https://papers.example.org/{key}/notes"}))
    return acts


def programme(today):
    """Three rounds of lists of acts: those of one round can be done beside each other."""
    days = Days(today)
    lived = lives(days)
    regions = range(len(REGIONS))
    return [
        [head_office(days)] + [cluster(region, days, lived) for region in regions],
        [in_order(meetings(region, days, lived)) for region in regions],
        [in_order(life.acts) for life in lived.values()],
    ]
