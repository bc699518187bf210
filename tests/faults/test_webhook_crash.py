"""PostgreSQL stops at once, again and again, while changes are made and told: each that was
acknowledged arrives, and each has one delivery, however often that is sent."""

import json
import uuid

from support.hooks import receiver
from support.places import wait_for

ROUNDS = 3


def create(server):
    """The id of a cluster that was acknowledged, or None."""
    try:
        answer = server.ask("POST", "/v1/clusters", {"name": f"Told {uuid.uuid4()}", "region": "London"})
    except (OSError, EOFError, ValueError):
        return None
    return json.loads(answer.body)["id"] if answer.status == 201 else None


def test_postmaster_killed_between_change_and_delivery(new_cluster, new_server):
    cluster = new_cluster("fsync=on", "synchronous_commit=on")
    with receiver() as hooks:
        server = new_server(cluster, IQM_WEBHOOK_PRIVATE_ADDRESSES="yes",
                            IQM_DATABASE_TIMEOUT="2000").ready()
        made = server.ask("POST", "/v1/webhook-endpoints", {
            "url": hooks.url("/told"), "event_types": ["cluster.created"]})
        assert made.status == 201
        acknowledged = set()
        for _ in range(ROUNDS):
            acknowledged |= {create(server) for _ in range(20)}
            cluster.stop()  # SIGQUIT: at once
            create(server)
            cluster.start()
            wait_for(lambda: create(server), "served again", 30)
        acknowledged.discard(None)
        # What was in hand when the database went is free once its lease is over.
        cluster.sql("UPDATE webhook_delivery SET next_at = now(), taken_until = NULL "
                    "WHERE status = 'waiting'")
        wait_for(lambda: acknowledged <= {call.about for call in hooks.at("/told")}, "all to arrive", 60)
        rows = cluster.sql("SELECT count(*), count(DISTINCT record_id) FROM webhook_delivery")
        assert rows[0][0] == rows[0][1]
        assert {call.id for call in hooks.at("/told")} <= {
            row[0] for row in cluster.sql("SELECT id FROM webhook_delivery")}
