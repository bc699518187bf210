"""A list as a file, beside what psql's COPY of the same columns does on the same rows."""
import http.client
import statistics
import subprocess
import time

FASTER_THAN_COPY = 0.5  # rows a second of CSV, over those of COPY … TO STDOUT
CELLS = 150_000         # of a workbook, a second
MEMORY = 64             # MB that a file of whatever size may cost the server
FIELDS = ("urn", "name", "status", "phase", "town", "postcode", "telephone", "open_date", "low_age",
          "cluster_id")
COPY = ("COPY (SELECT " + ", ".join(f"doc->>'{field}' AS {field}" for field in FIELDS) +
        " FROM school ORDER BY id) TO STDOUT (FORMAT csv, HEADER)")


def fetch(server, iqmd, target, rows=None):
    """(seconds, rows) of a file that is read as fast as it comes; rows by their lines."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    started = time.monotonic()
    connection.request("GET", target, headers={"Authorization": f"Bearer {iqmd.token}"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    count = 0
    while piece := answer.read(262144):
        count += piece.count(b"\n")
    connection.close()
    return time.monotonic() - started, rows or count - 1


def copy(base, iqmd):
    """The same of psql."""
    started = time.monotonic()
    done = subprocess.run([base.bin / "psql", "-XqAt", "-c", COPY, base.url(iqmd.name, "postgres")],
                          stdout=subprocess.PIPE, check=True)
    return time.monotonic() - started, done.stdout.count(b"\n") - 1


def print_line(title, ratios, wanted):
    ratio = statistics.median(ratios)
    reached = ratio >= wanted
    print(f"| {title} | {ratio:.2f} | {wanted} | {'yes' if reached else 'NO'} |")
    return reached


def compare(server, iqmd, base, schools, rounds, say):
    path = "/v1/schools?fields=" + ",".join(FIELDS) + "&format="
    ratios, cells = [], []
    before = server.memory()
    for number in range(rounds):
        took, rows = fetch(server, iqmd, path + "csv")
        copied, same = copy(base, iqmd)
        assert rows == same == schools, (rows, same)
        ratios.append(copied / took)
        sheet, _ = fetch(server, iqmd, path + "xlsx", schools)
        cells.append(schools * len(FIELDS) / sheet)
        say(f"round {number + 1}: CSV {rows / took:.0f} rows/s, COPY {same / copied:.0f} rows/s, "
            f"workbook {cells[-1]:.0f} cells/s")
    more = server.memory() - before
    print("\n| | measured | at least | |\n|---|---:|---:|---|")
    reached = print_line("rows a second of CSV / of COPY by psql", ratios, FASTER_THAN_COPY)
    reached &= print_line("cells a second of a workbook", cells, CELLS)
    print(f"\nMemory of the server: {more:.0f} MB more at its peak, to stay below {MEMORY}: "
          f"{'yes' if more < MEMORY else 'NO'}")
    return reached and more < MEMORY
