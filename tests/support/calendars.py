"""Calendar feeds, and their calendars as libical reads them."""

import urllib.parse
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import gi

gi.require_version("ICalGLib", "3.0")
from gi.repository import ICalGLib as ical

from support import confidential

FEEDS = "/v1/me/calendar-feeds"
LONDON = ZoneInfo("Europe/London")


def secret_of(url):
    """What is secret of an address, kept out of logs from now on."""
    path = urllib.parse.urlsplit(url).path
    return confidential.note(path.removeprefix("/v1/calendars/").removesuffix("/feed.ics"))


def new_feed(caller, **members):
    """(the feed, the path of its calendar)"""
    made = caller.post(FEEDS, members)
    assert made.status == 201, made
    secret_of(made.json["url"])
    return made.json["feed"], urllib.parse.urlsplit(made.json["url"]).path


def new_calendar(people):
    """The path of somebody's calendar."""
    return new_feed(people.school(), school_id=people.school().school["id"])[1]


def revoke(caller, feed):
    return caller.delete(f"{FEEDS}/{feed['id']}")


@dataclass
class Event:
    """As libical understands it; `start` and `end` are moments in UTC, or days as YYYYMMDD."""
    uid: str
    summary: str
    location: str
    sequence: int
    status: str
    start: object
    end: object
    changed: int
    text: str


def _when(time, zone):
    if time.is_date():
        return f"{time.get_year():04d}{time.get_month():02d}{time.get_day():02d}"
    return time.as_timet_with_zone(zone)


def _event(component, zone):
    return Event(
        component.get_uid(), component.get_summary(), component.get_location(),
        component.get_sequence(), component.get_status().value_nick.upper(),
        _when(component.get_dtstart(), zone), _when(component.get_dtend(), zone),
        component.get_dtstamp().as_timet(), component.as_ical_string())


class Calendar:
    """What libical makes of a calendar, after holding it to RFC 5545 byte by byte."""

    def __init__(self, response):
        assert response.status == 200, response
        assert response.header("Content-Type") == "text/calendar; charset=utf-8"
        text = response.body.decode()
        assert text.endswith("\r\n")
        for line in response.body.split(b"\r\n"):
            assert len(line) <= 75 and b"\r" not in line and b"\n" not in line, line
            line.decode()  # no character is torn
        root = ical.Component.new_from_string(text)
        assert root.is_valid() and root.count_errors() == 0, text
        assert root.isa() == ical.ComponentKind.VCALENDAR_COMPONENT
        zone = root.get_timezone("Europe/London")
        self.events, self.root = [], root
        part = root.get_first_component(ical.ComponentKind.VEVENT_COMPONENT)
        while part is not None:
            self.events.append(_event(part, zone))
            part = root.get_next_component(ical.ComponentKind.VEVENT_COMPONENT)
        self.by_id = {event.uid: event for event in self.events}
        assert len(self.by_id) == len(self.events)


def read(client, path, **options):
    return Calendar(client.get(path, token=None, **options))
