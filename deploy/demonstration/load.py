"""Tells the invented programme to an empty API, act by act."""
import datetime
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from .api import Refused
from .coordinators import Coordination, coordinators
from .files import FILES
from .life import Ref
from .programme import programme
from .register import FIRST_URN, register_file

# Lists of acts that are told beside each other.
THREADS = 4


def import_register(api, academy_since):
    """Uploads the file and follows the import until it is done."""
    data, schools = register_file(academy_since)
    report = api.request("POST", "/v1/imports/register", data, "text/csv")
    deadline = time.monotonic() + 120
    while report["status"] in ("queued", "running"):
        if time.monotonic() > deadline:
            raise Refused("the import of the register did not end within two minutes")
        time.sleep(0.1)
        report = api.get(f"/v1/imports/register/{report['id']}")
    if report["status"] != "succeeded" or report["created"] != schools:
        raise Refused(f"the register could not be imported: {json.dumps(report, indent=2)}")


class Teller:
    """Does acts, and knows the ids of what they made."""

    def __init__(self, api):
        self.api, self.ids, self.counts = api, {}, Counter()
        for school in api.get("/v1/schools?limit=200")["items"]:
            self.ids[f"school-{int(school['urn']) - FIRST_URN}"] = school["id"]
        for framework in api.get("/v1/frameworks?limit=200")["items"]:
            self.ids[f"framework-{framework['level']}"] = framework["id"]

    def resolve(self, value):
        """A body as it is sent: ids for names, days as text."""
        if isinstance(value, Ref):
            return self.ids[value]
        if isinstance(value, datetime.date):
            return value.isoformat()
        if isinstance(value, dict):
            return {name: self.resolve(one) for name, one in value.items()}
        return [self.resolve(one) for one in value] if isinstance(value, list) else value

    def do(self, act):
        body = self.resolve(act.body)
        if act.verb == "create":
            self.ids[act.key] = self.api.create(act.path, body)["id"]
            self.counts[act.path] += 1
            return
        path = f"{act.path}/{self.ids[act.key]}"
        if act.verb == "change":
            self.api.change(path, body)
        elif act.verb == "upload":
            make, kind, name = FILES[body["what"]]
            self.api.upload(f"{path}/file", make(body["title"], body["number"]), kind, name)
        else:
            self.api.step(f"{path}/{act.verb}", body)

    def do_all(self, acts):
        for act in acts:
            self.do(act)


def beside(pool, work, items):
    """What work makes of each, done beside each other; the first refusal ends it."""
    done = [pool.submit(work, item) for item in items]
    try:
        return [one.result() for one in done]
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def tell(teller, rounds):
    """Round by round; when all is there, coordinators add what they alone may write."""
    with ThreadPoolExecutor(THREADS) as pool:
        for lists in rounds:
            beside(pool, teller.do_all, lists)
        coordination = Coordination(teller.api, teller.ids, rounds)
        written = beside(pool, coordination.do, coordinators(rounds[-1]))
    teller.counts.update({"/v1/accounts": len(written), "impacts of meetings": sum(written)})


def load(api, today):
    """Everything, in the order in which things refer to each other."""
    began = time.monotonic()
    rounds = programme(today)
    succession = next(act for acts in rounds[-1] for act in acts if act.path == "/v1/successions")
    print("Loading demonstration data: an invented programme over several years ...", flush=True)
    import_register(api, succession.day.year)
    teller = Teller(api)
    tell(teller, rounds)
    teller.counts["/v1/schools"] = sum(name.startswith("school-") for name in teller.ids)
    counts = ", ".join(f"{path.rpartition('/')[2].replace('-', ' ')} {count}"
                       for path, count in sorted(teller.counts.items()))
    print(f"  {counts}; {time.monotonic() - began:.0f} s", flush=True)
