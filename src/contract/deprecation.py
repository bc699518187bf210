"""Operations on their way out: what the contract must say of them, and what the server then sends.

Source: RFC 9745 (Deprecation), RFC 8594 (Sunset), RFC 5829 (successor-version).
"""

import datetime
from email.utils import format_datetime

KEYS = ("x-deprecated-at", "x-sunset-at", "x-successor")


def time_of(text):
    """A moment in UTC, or None."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(
            tzinfo=datetime.timezone.utc)
    except ValueError:
        return None


def check_deprecation(node, paths, report):
    """`deprecated` and the moment stand together; the end comes later; the successor is there."""
    said = [key for key in KEYS if key in node]
    if not node.get("deprecated"):
        for key in said:
            report.add(node.at(key), f"{key} needs deprecated: true")
        return
    if "x-deprecated-at" not in node:
        report.add(node.at("deprecated"), "deprecated needs x-deprecated-at")
        return
    since, end = (time_of(node[key]) if key in node else None for key in KEYS[:2])
    for key, moment in zip(KEYS, (since, end)):
        if key in node and moment is None:
            report.add(node.at(key), f"{key} is a time such as 2026-09-01T00:00:00Z")
    if since and end and end < since:
        report.add(node.at("x-sunset-at"), "x-sunset-at is before x-deprecated-at")
    if "x-successor" in node and node["x-successor"] not in paths:
        report.add(node.at("x-successor"), "x-successor is not a path of this contract")


def deprecation_headers(node):
    """Values of Deprecation, Sunset and Link; None: not sent."""
    since, end = (node.get(key) and time_of(node[key]) for key in KEYS[:2])
    successor = node.get("x-successor")
    return (since and f"@{int(since.timestamp())}", end and format_datetime(end, usegmt=True),
            successor and f'<{successor}>; rel="successor-version"')
