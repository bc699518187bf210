"""What a server counts, as its operator reads it."""

import urllib.request


def metric(server, name):
    """The value of one that has no labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.metrics_port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))
