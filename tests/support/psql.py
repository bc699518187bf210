"""A session of a database that stays open. Knows no table."""

import subprocess

from support.cluster import plain_environment, programs


class Psql:
    """A session that stays; `ask` gives the rows as texts, or None where it failed."""

    def __init__(self, cluster, user="iqm_owner", database="iqm"):
        self.process = subprocess.Popen(
            [programs() / "psql", "-XqAt", "-h", cluster.directory, "-U", user, "-d", database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=plain_environment())

    def say(self, sql):
        """Without waiting for what becomes of it."""
        self.process.stdin.write(f"{sql};\n\\echo -:SQLSTATE\n")
        self.process.stdin.flush()

    def ask(self, sql):
        self.say(sql)
        rows = []
        for line in self.process.stdout:
            if line.startswith("-"):
                return rows if line.strip() in ("-00000", "-") else None
            rows.append(line.rstrip("\n"))
        raise ConnectionResetError("psql ended")

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        self.process.stderr.close()
