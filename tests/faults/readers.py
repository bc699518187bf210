"""Who reads a long answer: to its end, or its head and no more; and the snapshots held for them."""
import contextlib
import http.client


def read(server, target, token=None):
    """Status and body, by a client that reads large ones in time."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", target, headers={"Authorization": f"Bearer {token or server.token}"})
        answer = connection.getresponse()
        return answer.status, answer.read()


def ask(server, target, token=True):
    """A reader who has the head of the answer, whatever it says, and little room for the rest."""
    wire = server.wire(receive_buffer=4096)
    wire.send(server.head("GET", target, token=token)).begun()
    return wire


def begin(server, target):
    """A reader who has the head of the answer to come, and little room for the rest."""
    wire = ask(server, target)
    assert wire.begun() == 200, wire.buffer
    return wire


def snapshots(server):
    return len(server.cluster.sql("SELECT pid FROM pg_stat_activity WHERE xact_start IS NOT NULL "
                                  "AND application_name LIKE 'iqmd%stream'"))
