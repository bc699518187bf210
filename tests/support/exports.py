"""Answers that are files: asking for them, and reading what they hold."""

import csv
import io

from .downloads import read_xlsx
from .files import XLSX

TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson", "xlsx": XLSX,
         "json": "application/json"}


def export(client, path, name, **options):
    mark = "&" if "?" in path else "?"
    response = client.get(f"{path}{mark}format={name}", **options)
    assert response.status == 200 and response.media_type == TYPES[name], response
    assert response.header("Content-Disposition").startswith("attachment; filename=")
    return response


def lines(response):
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


def sheet(response):
    """(names, rows) of the first sheet."""
    return next(iter(read_xlsx(response.body).values()))
