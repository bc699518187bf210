"""The throw-away PostgreSQL of a benchmark: made, filled, asked, stopped. Only a unix socket; it
must never touch a PostgreSQL that is not its own."""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent


def shared_buffers():
    """As deploy/postgresql.sh: an eighth of the memory, from 128 MB to 2 GB."""
    mebibytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8 // 2**20
    return f"{min(max(mebibytes, 128), 2048)}MB"


SETTINGS = {"listen_addresses": "", "shared_buffers": shared_buffers(), "random_page_cost": "1.1",
            "max_connections": "150", "max_wal_size": "4GB"}


def bin_dir():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"),
                   key=lambda path: int(path.parts[4]))
    if not found:
        raise SystemExit("compare: PostgreSQL 15 or later is needed")
    return found[-1].parent


class Database:
    def __init__(self, scratch):
        self.bin = bin_dir()
        self.socket = scratch / "pg"
        self.process = None
        self.user = "postgres" if os.getuid() == 0 else None
        self.socket.mkdir()
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.socket, owner.pw_uid, owner.pw_gid)
            scratch.chmod(0o711)

    def as_user(self):
        if not self.user:
            return {}
        return {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []}

    def start(self):
        data = self.socket / "data"
        subprocess.run([self.bin / "initdb", "-D", data, "-U", "postgres", "--auth=trust",
                        "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"],
                       check=True, stdout=subprocess.DEVNULL, cwd="/", **self.as_user())
        options = [word for item in SETTINGS.items() for word in ("-c", "=".join(item))]
        log = open(self.socket.parent / "postgres.log", "wb")
        # In a session of its own, as pg_ctl starts it: that decides how the kernel schedules it.
        self.process = subprocess.Popen(
            [self.bin / "postgres", "-D", data, "-k", self.socket, *options],
            stdout=log, stderr=log, cwd="/", start_new_session=True,
            **self.as_user())
        for _ in range(300):
            if subprocess.run([self.bin / "pg_isready", "-q", "-h", self.socket],
                              check=False).returncode == 0:
                break
            time.sleep(0.1)
        self.sql("postgres", "CREATE ROLE iqm_owner LOGIN CREATEROLE")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(20)

    def url(self, name, user):
        return f"postgresql://{user}@/{name}?host={self.socket}"

    def sql(self, name, statement, **variables):
        words = [word for item in variables.items() for word in ("-v", "%s=%s" % item)]
        result = subprocess.run(
            [self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.socket,
             "-U", "postgres", "-d", name, *words], input=statement.encode(), check=True,
            stdout=subprocess.PIPE)
        return result.stdout.decode().strip()

    def load(self, name, script, **variables):
        """One of sql/ that writes texts."""
        self.sql(name, "".join((HERE / "sql" / one).read_text() for one in ("sentences.sql", script)),
                 **variables)

    def fill(self, name, schools, spread, columns):
        self.sql(name, (HERE / "sql/load.sql").read_text(), schools=schools, spread=int(spread),
                 columns=int(columns))
        self.sql(name, "VACUUM (ANALYZE); CHECKPOINT;".replace("; ", ";\n"))


def remove(scratch):
    shutil.rmtree(scratch, ignore_errors=True)
