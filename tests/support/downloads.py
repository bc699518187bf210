"""Downloads of the whole programme: asked for, followed, fetched and read."""

import csv
import io
import uuid
import zipfile

import openpyxl

from support.contract import OPERATIONS
from support.files import XLSX
from support.places import wait_for

DOWNLOADS = "/v1/programme-downloads"
TYPES = {"csv": "application/zip", "xlsx": XLSX}
# By the name of the sheet: the path of each list that head office reads as documents.
LISTS = {op.path.removeprefix("/v1/").replace("/", "-"): op.path for op in OPERATIONS.values()
         if op.action == "list" and "head_office" in op.node.get("x-roles", [])}


def ask(client, name="csv"):
    response = client.post(DOWNLOADS, {"format": name})
    assert response.status == 202, response
    assert response.header("Location") == f"{DOWNLOADS}/{response.json['id']}"
    return response.json


def follow(client, download):
    response = client.get(f"{DOWNLOADS}/{download['id']}")
    assert response.status == 200, response
    return response.json


def await_status(client, download, *wanted, seconds=60):
    def there():
        now = follow(client, download)
        return now if now["status"] in wanted else None
    return wait_for(there, f"a download that is {wanted}", seconds)


def path_of(download):
    return f"{DOWNLOADS}/{download['id']}/file"


def ready(client, name="csv"):
    return await_status(client, ask(client, name), "ready")


def fetch(client, download, **headers):
    names = {key.replace("_", "-"): value for key, value in headers.items()}
    return client.get(path_of(download), headers=names)


def fetch_own(client):
    """The file of a download of the caller's own, or what asking for it comes to. Where others erase
    people meanwhile it is asked for again; nothing is left behind."""
    for _ in range(30):
        asked = client.post(DOWNLOADS, {"format": "csv"})
        if asked.status != 202:
            return client.get(f"{DOWNLOADS}/{uuid.uuid4()}/file")
        await_status(client, asked.json, "ready", "expired", "failed")
        response = fetch(client, asked.json)
        assert client.delete(f"{DOWNLOADS}/{asked.json['id']}").status == 204
        if response.status == 200:
            return response
    raise AssertionError("every download was gone before it could be fetched")


def read_csv(data):
    """By name: the columns and the rows of each file."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            raw = archive.read(name)
            assert name.endswith(".csv") and raw.startswith(b"\xef\xbb\xbf")
            rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
            found[name.removesuffix(".csv")] = rows[0], rows[1:]
    return found


def read_xlsx(data):
    """The same of sheets."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    found = {}
    for sheet in book.worksheets:
        assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref
        rows = list(sheet.iter_rows(values_only=True))
        found[sheet.title] = list(rows[0]), rows[1:]
    return found


READ = {"csv": read_csv, "xlsx": read_xlsx}


def column(sheet, name):
    names, rows = sheet
    return [row[names.index(name)] for row in rows]
