"""Requests that are sent at the same time."""

import threading

from support.client import Client


def at_once(head, work):
    """The statuses of requests sent at the same time, each on a connection of its own."""
    start, statuses = threading.Barrier(len(work)), [None] * len(work)

    def run(place, send):
        own = Client(head.port, head.token)
        start.wait()
        statuses[place] = send(own).status
        own.close()

    threads = [threading.Thread(target=run, args=(*item,)) for item in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses
