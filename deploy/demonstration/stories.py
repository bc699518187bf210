"""What became of each school: one function for each kind of life, and the table of who lives it."""
import datetime

from .days import DAY, weekday, year_of, years_on
from .life import COE, FLAGSHIP, ISA, Ref, contract_of
from .register import HEIR

# How many days before its first Flagship visit a school was first a Centre of Excellence, beside three
# years: so that three years are over.
BEFORE_FLAGSHIP = 42


def later(visit, years):
    """The visit so many years after another."""
    return weekday(years_on(visit, years))


# ---- parts of lives ----

def inclusive(life, visit):
    """The Inclusive School Award; the day on which it was given."""
    life.apply(ISA, visit - 120 * DAY)
    return life.review(ISA, visit, "awarded")[0]


def centre(life, visit, isa=None):
    """Centre of Excellence, at one visit with the award below or some years later; its contract."""
    inclusive(life, isa or visit)
    life.apply(COE, visit - 110 * DAY)
    given, review = life.review(COE, visit, "awarded")
    life.hire(given, 3)
    life.link(given, "review", review, "the first visit", criterion=(COE, "commitment"))
    return contract_of(given)


def maintain(life, award, visit, *years):
    """Annual visits that change nothing."""
    for number in years:
        life.review(award, later(visit, number), "maintained")


def renew(life, award, visit, contract):
    """A visit at the end of the contract; the contract that follows."""
    given, _ = life.review(award, visit, "renewed")
    return contract_of(given, contract.ends + DAY)


def renew_beside(life, day, *awards):
    """Awards below are renewed when the one above is."""
    for award in awards:
        life.award_step(day, award, "renew", comment="Renewed together with the award above.")


# ---- on the way to the Inclusive School Award ----

def applied(life, ago=12):
    """Has applied; the visit is to come."""
    day = life.days.recent(ago)
    life.apply(ISA, day)
    life.schedule(ISA, life.days.soon(21), day)


def applied_for_both(life):
    """Has applied for two awards at once."""
    day = life.days.recent(20)
    for level in (ISA, COE):
        life.apply(level, day)
        life.schedule(level, life.days.soon(30), day)


def assessed(life, failing=("assessment", "parents")):
    """Was visited, and has something to do first."""
    life.apply(ISA, life.days.recent(90))
    life.review(ISA, life.days.recent(21), "not_awarded", failing)


def awarded(life, month, day, years):
    """Holds the award, given so many years ago."""
    inclusive(life, later(life.days.last(month, day), -years))


def isa_renewed(life, month, day, years):
    """Held it for three years and so many more."""
    visit = later(life.days.last(month, day), -3 - years)
    given = inclusive(life, visit)
    renew(life, ISA, later(visit, 3), contract_of(given))


def isa_lapsed(life, month, day):
    """Let it run out."""
    given = inclusive(life, later(life.days.last(month, day), -4))
    life.award_step(contract_of(given).ends + 60 * DAY, ISA, "lapse",
                    comment="There was no answer to two letters.")


def isa_applied_again(life, month, day):
    """Let it run out, and has applied anew."""
    isa_lapsed(life, month, day)
    life.apply(ISA, life.days.recent(30), "again")
    life.visit("again", life.days.recent(5))


def isa_withdrawn(life):
    """Withdrew the application."""
    life.apply(ISA, life.days.recent(150))
    life.award_step(life.days.recent(90), ISA, "withdraw", comment="The school takes part again when "
                    "its new buildings are open.")


# ---- Centres of Excellence ----

def coe_year(life, month, day, years, now="agreed", isa_before=0):
    """In the first, second or third year of the contract."""
    last = life.days.last(month, day)
    visit = later(last, 1 - years)
    contract = centre(life, visit, later(visit, -isa_before) if isa_before else None)
    maintain(life, COE, visit, *range(1, years))
    life.plans(COE, [contract], now=now)
    life.next_review(COE, later(last, 1))


def coe_not_yet(life, month, day):
    """Holds the award below; the visit found that research has to begin first."""
    visit = life.days.last(month, day)
    inclusive(life, visit)
    life.apply(COE, visit - 100 * DAY)
    life.review(COE, visit, "not_awarded", ["research", "dissemination"])


def coe_renewed(life, month, day, years):
    """Three years and so many more."""
    visit = later(life.days.last(month, day), -3 - years)
    first = centre(life, visit)
    maintain(life, COE, visit, 1, 2)
    second = renew(life, COE, later(visit, 3), first)
    renew_beside(life, second.given, ISA)
    maintain(life, COE, visit, *range(4, 4 + years))
    life.plans(COE, [first, second])
    life.next_review(COE, later(visit, 4 + years))
    return second


def coe_overdue(life, month, day):
    """The contract is over, and nobody has renewed it yet."""
    visit = later(life.days.last(month, day), -3)
    contract = centre(life, visit)
    maintain(life, COE, visit, 1, 2)
    life.plans(COE, [contract])


def coe_unvisited(life, month, day):
    """In force, but the annual visit did not take place."""
    contract = centre(life, later(life.days.last(month, day), -1))
    life.plans(COE, [contract], now="submitted")


def coe_deferred(life, month, day):
    """Came to no meeting for a year."""
    last = life.days.last(month, day)
    contract = centre(life, later(last, -2))
    maintain(life, COE, later(last, -2), 1)
    life.absent.append((last - 430 * DAY, life.days.today))
    life.plans(COE, [contract], now="draft")
    life.review(COE, last, "deferred", ["dissemination"])


def coe_reinstated(life, month, day):
    """Was deferred, came to meetings again and was reinstated."""
    last = life.days.last(month, day)
    contract = centre(life, later(last, -2))
    deferred, _ = life.review(COE, later(last, -1), "deferred", ["capacity"])
    life.absent.append((deferred - 400 * DAY, deferred - DAY))
    life.review(COE, weekday(deferred + 150 * DAY), "maintained")
    life.review(COE, last, "maintained")
    life.plans(COE, [contract])


def coe_lapsed(life, month, day):
    """Held it for three years and did not renew; keeps the award below."""
    visit = later(life.days.last(month, day), -4)
    contract = centre(life, visit)
    maintain(life, COE, visit, 1, 2)
    life.plans(COE, [contract])
    renew_beside(life, contract.ends - 20 * DAY, ISA)
    life.award_step(contract.ends + 60 * DAY, COE, "lapse", comment="The school keeps the award below.")


def coe_withdrawn(life, month, day):
    """Left in the middle of the contract."""
    visit = later(life.days.last(month, day), -1)
    contract = centre(life, visit)
    left = life.days.recent(40)
    life.plans(COE, [contract], now=None)
    for award in (COE, ISA):
        life.award_step(left, award, "withdraw", comment="The school joins a trust that has a programme "
                        "of its own.")


def coe_visited(life):
    """Was visited a few days ago."""
    visit = life.days.recent(4)
    contract = centre(life, later(visit, -2))
    maintain(life, COE, later(visit, -2), 1)
    life.plans(COE, [contract])
    life.visit(COE, visit)


def coe_reported(life, returned=False):
    """The report is in; or was sent back to say more."""
    visit = life.days.recent(24)
    contract = centre(life, later(visit, -1))
    life.plans(COE, [contract], now="submitted" if returned else "agreed")
    review = life.report(COE, visit, "maintained", reported=visit + 8 * DAY)
    if returned:
        life.step(visit + 13 * DAY, review, "/v1/reviews", "return",
                  comment="Please say which lessons were seen.")


def coe_academy(life, month, day):
    """Became an academy in the middle of its contract: another school for the register, and the
    awards move to it."""
    last = life.days.last(month, day)
    visit = later(last, -2)
    first = datetime.date(year_of(visit) + 1, 9, 1)
    contract = centre(life, visit)
    become(life, HEIR, first)
    maintain(life, COE, visit, 1, 2)
    life.plans(COE, [contract])
    life.next_review(COE, later(last, 1))


def become(life, heir, day):
    """The succession, and what moves with it."""
    life.create(day, "succession", "/v1/successions", predecessor_id=life.school(day),
                successor_id=Ref(f"school-{heir}"), happened_on=day, reason="Became an academy.")
    life.successions.append((heir, day))
    for award in (ISA, COE):
        life.change(day, award, "/v1/awards", school_id=life.school(day))
    for person in life.staff:
        life.change(day, person, "/v1/people", school_id=life.school(day))


# ---- Flagship ----

def coe_applied_for_flagship(life, month, day, until="applied"):
    """Three years are over; the application for Flagship is made, or assessed."""
    coe_renewed(life, month, day, 0 if until == "applied" else 1)
    applied_on = life.days.recent(60) if until == "assessed" else life.days.recent(5)
    life.apply(FLAGSHIP, max(applied_on, life.latest[COE]))
    if until == "assessed":
        life.review(FLAGSHIP, life.days.recent(21), "not_awarded", ["support", "capacity"])
    else:
        life.schedule(FLAGSHIP, life.days.soon(25), life.latest[FLAGSHIP])


def flagship_from(life, visit):
    """Centre of Excellence for more than three years, then Flagship at a visit of its own; the day on
    which that was given."""
    begin = weekday(years_on(visit, -3) - BEFORE_FLAGSHIP * DAY)
    first = centre(life, begin)
    maintain(life, COE, begin, 1, 2)
    second = renew(life, COE, later(begin, 3), first)
    renew_beside(life, second.given, ISA)
    life.apply(FLAGSHIP, visit - 100 * DAY)
    given, review = life.review(FLAGSHIP, visit, "awarded")
    life.hire(given, 1)
    life.plans(COE, [first, second], until=given)
    life.link(given, "review", review, "a broader cluster", criterion=(FLAGSHIP, "sharing"))
    return given


def begins(given):
    """When a project begins whose award was given on a day: after the summer, where that is near."""
    return datetime.date(given.year, 9, 10) if 4 <= given.month <= 8 else given + 14 * DAY


def flagship_year(life, month, day, years, project="agreed"):
    """In the first, second or third year of the contract."""
    last = life.days.last(month, day)
    visit = later(last, 1 - years)
    given = flagship_from(life, visit)
    name = life.project(FLAGSHIP, given, begins(given), life.number, project, visit)
    maintain(life, FLAGSHIP, visit, *range(1, years))
    life.link(given, "project", name, "the research question", criterion=(FLAGSHIP, "research"))
    life.next_review(FLAGSHIP, later(last, 1))


def flagship_renewed(life, month, day, years, project="agreed"):
    """Completed a project, was renewed, and goes on with the next."""
    last = life.days.last(month, day)
    visit = later(last, -3 - years)
    given = flagship_from(life, visit)
    name = life.project(FLAGSHIP, given, begins(given), life.number, "completed", visit)
    maintain(life, FLAGSHIP, visit, 1, 2)
    second = renew(life, FLAGSHIP, later(visit, 3), contract_of(given))
    renew_beside(life, second.given, COE, ISA)
    over = max(second.given, life.latest[name])
    life.project(FLAGSHIP, over, begins(over), life.number + 1, project, visit)
    maintain(life, FLAGSHIP, visit, *range(4, 4 + years))
    life.next_review(FLAGSHIP, later(last, 1))


def flagship_deferred(life, month, day):
    """Came to no meeting, which Flagship asks for."""
    last = life.days.last(month, day)
    visit = later(last, -2)
    given = flagship_from(life, visit)
    life.project(FLAGSHIP, given, begins(given), life.number, "agreed", visit)
    maintain(life, FLAGSHIP, visit, 1)
    life.absent.append((last - 430 * DAY, life.days.today))
    life.review(FLAGSHIP, last, "deferred", ["ethos"])


# Cluster by cluster, eight schools each: who lives what. Of months and days: those on which it is
# visited. Flagship is visited when six weeks before lie in term.
STORIES = [
    [(applied,),
     (awarded, 11, 11, 0),
     (coe_year, 10, 9, 1),
     (coe_year, 11, 14, 3),
     (coe_renewed, 5, 15, 1),
     (flagship_year, 11, 27, 2),
     (flagship_renewed, 11, 14, 0),
     (coe_visited,)],
    [(assessed,),
     (awarded, 3, 4, 1),
     (coe_year, 1, 22, 2),
     (coe_lapsed, 6, 11),
     (coe_reported,),
     (flagship_year, 3, 6, 1, "draft"),
     (coe_applied_for_flagship, 2, 3),
     None],
    [(coe_academy, 11, 14),
     (isa_renewed, 5, 20, 1),
     (coe_year, 6, 11, 1, "draft"),
     (coe_unvisited, 10, 16),
     (coe_deferred, 11, 20),
     (flagship_year, 6, 26, 3),
     (flagship_renewed, 6, 11, 1),
     (isa_withdrawn,)],
    [(awarded, 6, 18, 2),
     (isa_lapsed, 11, 5),
     (coe_year, 3, 12, 3),
     (coe_reinstated, 11, 14),
     (coe_overdue, 2, 5),
     (coe_applied_for_flagship, 10, 9, "assessed"),
     (flagship_year, 11, 14, 1, "submitted"),
     (applied_for_both,)],
    [(isa_applied_again, 10, 8),
     (coe_not_yet, 5, 13),
     (coe_year, 11, 27, 2, "submitted", 1),
     (coe_withdrawn, 6, 4),
     (coe_renewed, 10, 2, 0),
     (flagship_year, 6, 11, 2),
     (flagship_deferred, 11, 27),
     None],
    [(applied, 40),
     (assessed, ["links"]),
     (coe_year, 6, 26, 3, "draft"),
     (coe_reported, True),
     (coe_renewed, 1, 29, 2),
     (flagship_year, 3, 6, 3),
     (coe_year, 5, 15, 1),
     (awarded, 10, 1, 1)],
]
