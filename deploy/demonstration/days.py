"""Days of the school year, seen from one day that is called today. Knows no clock."""
import datetime

DAY = datetime.timedelta(days=1)


def easter(year):
    """Easter Sunday of the Gregorian calendar (Butcher's method)."""
    a, b, c = year % 19, year // 100, year % 100
    d = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    e = (32 + 2 * (b % 4) + 2 * (c // 4) - d - c % 4) % 7
    f = d + e - 7 * ((a + 11 * d + 22 * e) // 451) + 114
    return datetime.date(year, f // 31, f % 31 + 1)


def terms(year):
    """First and last day of the three terms of the academic year that begins in `year`."""
    day, sunday = datetime.date, easter(year + 1)
    return {
        "autumn": (day(year, 9, 2), day(year, 12, 18)),
        "spring": (day(year + 1, 1, 5), sunday - 3 * DAY),
        "summer": (sunday + 15 * DAY, day(year + 1, 7, 21)),
    }


def year_of(day):
    """The first year of the academic year that a day is in."""
    return day.year if day.month >= 9 else day.year - 1


def name_of(year):
    """2026/27 of 2026."""
    return f"{year}/{(year + 1) % 100:02d}"


def years_on(day, years):
    """The same day in another year; of 29 February the 28th where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def weekday(day):
    """The day, or the Friday before it."""
    return day - max(0, day.weekday() - 4) * DAY


def is_school_day(day):
    """Whether schools are open, as far as the terms tell."""
    spans = terms(year_of(day)).values()
    return day.weekday() < 5 and any(first <= day <= last for first, last in spans)


class Days:
    """What is told relative to today."""

    def __init__(self, today):
        self.today, self.year = today, year_of(today)

    def recent(self, ago):
        """The newest school day that is at least so many days ago."""
        day = self.today - ago * DAY
        while not is_school_day(day):
            day -= DAY
        return day

    def soon(self, ahead):
        """The first school day that is at least so many days ahead."""
        day = self.today + ahead * DAY
        while not is_school_day(day):
            day += DAY
        return day

    def last(self, month, day):
        """The newest such day of a year on which a visit could be over: three weeks ago or more."""
        found = datetime.date(self.today.year, month, day)
        if found > self.today - 21 * DAY:
            found = years_on(found, -1)
        return weekday(found)
