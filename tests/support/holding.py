"""A transaction of a psql of the test's own that stays open meanwhile: to hold a lock with."""

import subprocess
from contextlib import contextmanager

from support.cluster import plain_environment, programs


@contextmanager
def holding(cluster, sql, database="iqm"):
    """Runs SQL that begins by taking what is to be held; it is given back afterwards."""
    process = subprocess.Popen(
        [programs() / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", cluster.directory, "-U",
         "postgres", "-d", database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=plain_environment())
    def say(text, word):
        process.stdin.write(f"{text}; SELECT '{word}';\n")
        process.stdin.flush()
        assert any(line.strip() == word for line in process.stdout), "psql ended"

    try:
        say(f"BEGIN; {sql}", "held")
        yield
        say("ROLLBACK", "given back")
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()
