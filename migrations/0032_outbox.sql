-- Mail on its way: what a transaction wants somebody to be told waits here until a server's thread
-- has handed it to a mail server (include/iqm/mailer.h). Nothing is kept in clear: the address is
-- read from the person at the moment of sending, and the body is sealed under the person's key.

CREATE TABLE outbox (
    id uuid PRIMARY KEY DEFAULT uuid7(),
    -- Nobody, where an address is not known: then everything is done as if it were, but the sending.
    person_id uuid REFERENCES person ON DELETE CASCADE,
    kind text COLLATE "C" NOT NULL CHECK (kind ~ '^[a-z_]{1,40}$'),
    -- What the kind's text is filled with; not kept beyond its use.
    body text COLLATE "C" CHECK (is_sealed(body)),
    state text COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'sent', 'failed', 'void')),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- While a server has the mail in hand, this is when it may be taken from it.
    not_before timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- A word of ours: what a mail server says may repeat the address.
    last_error text COLLATE "C" CHECK (last_error ~ '^[a-z_]{1,40}$'),
    sent_at timestamptz,
    CHECK ((person_id IS NULL) = (state = 'void')),
    CHECK ((sent_at IS NULL) = (state <> 'sent')),
    CHECK ((body IS NULL) = (state = 'sent'))
);
CREATE INDEX outbox_waiting ON outbox (not_before, id) WHERE state = 'waiting';
CREATE INDEX outbox_over ON outbox (not_before) WHERE state <> 'waiting';
CREATE INDEX outbox_person_id ON outbox (person_id);
CALL keep_from_server('outbox');

-- Mail for somebody, in the transaction that has a reason for it. For nobody it takes as long.
CREATE FUNCTION enqueue_mail(person uuid, kind text, body text) RETURNS uuid
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    INSERT INTO outbox (person_id, kind, body, state)
    VALUES (enqueue_mail.person, enqueue_mail.kind, enqueue_mail.body,
        CASE WHEN enqueue_mail.person IS NULL THEN 'void' ELSE 'waiting' END)
    RETURNING id;
END;

-- The mail that has waited longest, for whoever asks to send within so many seconds; until then
-- nobody else gets it. Which attempt this is must be told when it is settled.
CREATE FUNCTION take_mail(lease integer) RETURNS TABLE (id text, attempt bigint, kind text,
        body text, person_id text, name text, email text)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    WITH next AS MATERIALIZED (
        SELECT outbox.id FROM outbox WHERE outbox.state = 'waiting' AND outbox.not_before <= now()
        ORDER BY outbox.not_before, outbox.id LIMIT 1 FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE outbox SET attempts = attempts + 1,
            not_before = now() + make_interval(secs => take_mail.lease)
        FROM next WHERE outbox.id = next.id
        RETURNING outbox.id, outbox.attempts, outbox.kind, outbox.body, outbox.person_id
    )
    SELECT taken.id::text, taken.attempts::bigint, taken.kind, taken.body, taken.person_id::text,
        person.doc->>'name', person.doc->>'email'
    FROM taken LEFT JOIN person ON person.id = taken.person_id;
END;

-- What became of an attempt. `sent`, `failed` for good, `later`: the mail server asks to try this
-- mail again, in one minute, two, four and so on up to six hours, about a day in all; `again`: it was
-- not about this mail, which waits on behind the others. Returns the state after it; NULL where the
-- time for the attempt was over and another has taken the mail since.
CREATE FUNCTION settle_mail(mail uuid, attempt integer, outcome text, error text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    attempts_max CONSTANT integer := 12;
    becomes text := CASE WHEN outcome IN ('sent', 'failed') THEN outcome
        WHEN outcome = 'later' AND attempt >= attempts_max THEN 'failed' ELSE 'waiting' END;
    pause interval := CASE WHEN becomes = 'waiting' AND outcome = 'later'
        THEN least(interval '1 minute' * 2 ^ (attempt - 1), interval '6 hours')
            * (0.8 + 0.4 * random())
        ELSE interval '0' END;
BEGIN
    UPDATE outbox SET state = becomes, not_before = now() + pause,
        attempts = attempts - CASE WHEN outcome = 'again' THEN 1 ELSE 0 END,
        last_error = settle_mail.error,
        sent_at = CASE WHEN becomes = 'sent' THEN now() END,
        body = CASE WHEN becomes <> 'sent' THEN body END
    WHERE id = settle_mail.mail AND state = 'waiting' AND attempts = settle_mail.attempt;
    RETURN CASE WHEN FOUND THEN becomes END;
END $$;

-- Gives up what nobody could send in five days (RFC 5321, 4.5.4.1) and what has ended its server
-- each time, and deletes what has been over for 30 days. Returns how many mails wait.
CREATE FUNCTION tend_outbox() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    at_once CONSTANT integer := 5000;
BEGIN
    UPDATE outbox SET state = 'failed', not_before = now(),
        last_error = CASE WHEN attempts >= 12 THEN 'never_ended'
            ELSE coalesce(last_error, 'too_late') END
    WHERE id IN (SELECT id FROM outbox WHERE state = 'waiting' AND not_before <= now()
        AND (created_at < now() - interval '5 days' OR attempts >= 12)
        LIMIT at_once FOR UPDATE SKIP LOCKED);
    DELETE FROM outbox WHERE id IN (SELECT id FROM outbox
        WHERE state <> 'waiting' AND not_before < now() - interval '30 days'
        LIMIT at_once FOR UPDATE SKIP LOCKED);
    RETURN (SELECT count(*) FROM outbox WHERE state = 'waiting');
END $$;

GRANT EXECUTE ON FUNCTION enqueue_mail(uuid, text, text), take_mail(integer),
    settle_mail(uuid, integer, text, text), tend_outbox() TO iqm_server;
