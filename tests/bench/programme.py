"""What is derived from years of records costs, beside reading one school; and whether a report is in
the way of reading."""
import statistics
import threading
import time

# kind, for load.lua: what is asked for, and how many times GET one school it may cost.
WORK = {"school_standing": ("standing of a school, five years", 12),
        "cluster_standing": ("standing of a cluster of 50 schools", 60),
        "review_document": ("review document of a school and year, JSON", 40),
        "review_document_page": ("the same as a page", None),
        "report": ("programme report, one at a time", 20000)}
SLOWER_BELOW = 2  # p99 of GET beside reports, over that without


class BesideReports:
    """A server that is read from while one report after the other is made."""

    def __init__(self, server):
        self.name, self.server = "iqmd beside reports", server

    def run(self, kind, seconds):
        reports = threading.Thread(target=self.server.run, args=("report", seconds + 1))
        reports.start()
        time.sleep(0.5)
        outcome = self.server.run(kind, seconds)
        reports.join()
        return outcome

    def cpu(self):
        return self.server.cpu()

    def memory(self):
        return self.server.memory()


def print_costs(outcomes, server, beside):
    """What GET one school does a second, over what this does; then the p99 of GET."""
    reached = True
    print("\n| GET one school / this, requests a second | measured | at most | |\n|---|---:|---:|---|")
    for kind, (title, most) in WORK.items():
        pairs = zip(outcomes[kind, server.name], outcomes["get", server.name])
        ratio = statistics.median(get.rate / this.rate for this, get in pairs)
        told = "yes" if most is None or ratio <= most else "NO"
        print(f"| {title} | {ratio:.1f} | {most or '–'} | {told if most else ''} |")
        reached &= told == "yes"
    pairs = zip(outcomes["get", beside.name], outcomes["get", server.name])
    ratio = statistics.median(busy.p99 / alone.p99 for busy, alone in pairs)
    print(f"\np99 of GET beside reports / without: {ratio:.2f}, to stay below {SLOWER_BELOW}: "
          f"{'yes' if ratio < SLOWER_BELOW else 'NO'}")
    return reached and ratio < SLOWER_BELOW
