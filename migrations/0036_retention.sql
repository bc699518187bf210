-- How long personal data is kept, as rules that the database itself applies. They are declared in the
-- contract (x-privacy: retention and due). What has outlived its time is deleted in small transactions,
-- each with an entry in a ledger; people are erased one by one, as on request.

-- Written anew by iqmd migrate each time, as personal_place is; $1 of a condition is the cut-off.
CREATE TABLE retention_rule (
    ordinal integer PRIMARY KEY,
    class text NOT NULL,
    place text NOT NULL,
    keep text NOT NULL CHECK (keep::interval IS NOT NULL),
    condition text NOT NULL,
    action text NOT NULL CHECK (action IN ('count', 'delete', 'erase_person')),
    UNIQUE (class, place),
    CHECK (action <> 'erase_person' OR place = 'person')
);
CALL keep_from_server('retention_rule');

-- When a round of all rules last came to its end, whichever server went it.
CREATE TABLE retention_round (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    ended_at timestamptz NOT NULL
);
INSERT INTO retention_round (ended_at) VALUES ('-infinity');
CALL keep_from_server('retention_round');

-- The ledger of what was deleted by rule: which rule, where, how many rows and when; nothing personal.
CREATE TABLE retention_sweep (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    place text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'place') STORED
);
CREATE INDEX retention_sweep_place ON retention_sweep (place, id);
CALL protect_ledger('retention_sweep', '{head_office}');

-- ---- what rules compare with ----

-- Of a version, when it ceased to be the newest; of a deletion, when that was. In the order of the
-- rows, so that the smallest of indexes finds what is old.
ALTER TABLE history ADD COLUMN replaced_at timestamptz;
DO $$
DECLARE
    name text;
BEGIN
    UPDATE history AS h SET replaced_at = next.at FROM history AS next
    WHERE (next.resource, next.id, next.version) = (h.resource, h.id, h.version + 1);
    FOR name IN SELECT DISTINCT resource FROM history WHERE replaced_at IS NULL LOOP
        EXECUTE format('UPDATE history AS h SET replaced_at = (r.doc->>''updated_at'')::timestamptz '
            'FROM %I AS r WHERE h.resource = %L AND r.id = h.id AND r.version = h.version + 1 '
            'AND h.replaced_at IS NULL', name, name);
    END LOOP;
    UPDATE history SET replaced_at = at WHERE replaced_at IS NULL AND doc IS NULL;
    UPDATE history SET replaced_at = now() WHERE replaced_at IS NULL;
END $$;
ALTER TABLE history ALTER replaced_at SET DEFAULT now(), ALTER replaced_at SET NOT NULL;
CREATE INDEX history_replaced_at ON history USING brin (replaced_at);

-- The day of a moment, where the schools are.
CREATE FUNCTION day_of(at timestamptz) RETURNS date
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN (at AT TIME ZONE 'Europe/London')::date;

-- The last day of the academic year in which a record was last changed.
CREATE FUNCTION academic_year_end(doc json) RETURNS date
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN (academic_year_start(academic_year_of(day_of((doc->>'updated_at')::timestamptz)))
        + interval '1 year')::date - 1;

-- ---- which rows are due ----

-- The rule's condition; whatever it says, nothing of a person is due while a legal hold is in force.
CREATE FUNCTION due_condition(rule retention_rule) RETURNS text
    LANGUAGE sql STABLE
    RETURN '(' || rule.condition || ')' || coalesce((SELECT ' AND NOT EXISTS (SELECT FROM legal_hold '
        'AS held WHERE held.placed_on <= today() AND held.lifted_on > today() AND ('
        || replace(p.condition, '$1', 'held.person_id') || '))'
        FROM personal_place AS p WHERE p.name = rule.place AND p.condition IS NOT NULL), '');

-- There is no rule of this kind: the caller knows others than the database does.
CREATE FUNCTION rule_of(class text, place text, action text) RETURNS retention_rule
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    rule retention_rule;
BEGIN
    SELECT r.* INTO rule FROM retention_rule AS r
    WHERE (r.class, r.place, r.action) = (rule_of.class, rule_of.place, rule_of.action);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no such rule.' USING ERRCODE = 'IQ422';
    END IF;
    RETURN rule;
END $$;

-- For who asks beforehand, and of what only people can redact.
CREATE FUNCTION count_due(class text, place text, action text) RETURNS bigint
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    rule retention_rule := rule_of(class, place, action);
    found bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %I WHERE %s', rule.place, due_condition(rule))
    INTO found USING now() - rule.keep::interval;
    RETURN found;
END $$;

-- What there is to do, in this order.
CREATE FUNCTION list_retention_rules() RETURNS TABLE (class text, place text, action text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT r.class, r.place, r.action FROM retention_rule AS r WHERE r.action <> 'count'
    ORDER BY r.ordinal;
END;

-- Of so many people after an id the ids of those who are due, with commas between; and the last id
-- that was looked at, null where there are no more.
CREATE FUNCTION due_people(class text, after uuid, most integer, OUT last text, OUT due text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    rule retention_rule := rule_of(class, 'person', 'erase_person');
    page uuid[] := ARRAY(SELECT p.id FROM person AS p WHERE p.id > after AND NOT p.erased
        ORDER BY p.id LIMIT most);
BEGIN
    last := page[cardinality(page)];
    EXECUTE format('SELECT coalesce(string_agg(person.id::text, '','' ORDER BY person.id), '''') '
        'FROM person WHERE person.id = ANY ($2) AND %s', due_condition(rule))
    INTO due USING now() - rule.keep::interval, page;
END $$;

-- ---- what is done with them ----

-- Nobody does it: in the audit log the operation names the rule.
CREATE FUNCTION act_by_rule(class text) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    SELECT set_config('iqm.roles', '', true), set_config('iqm.actor', '', true),
        set_config('iqm.client', '', true), set_config('iqm.request_id', '', true),
        set_config('iqm.operation', 'retention_' || class, true);
END;

-- Erases somebody, but for the key, who is still due now that nobody can sign in or be named any more.
-- Outcome: erased, with what was done; or kept, also where somebody else is at work on the person.
CREATE FUNCTION erase_due_person(class text, person uuid, OUT outcome text, OUT detail json)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '2s'
AS $$
DECLARE
    rule retention_rule := rule_of(class, 'person', 'erase_person');
    recipients json;
    is_due boolean;
BEGIN
    PERFORM act_by_rule(class);
    outcome := 'kept';
    BEGIN
        IF NOT hold_person(person) THEN
            RETURN;
        END IF;
    EXCEPTION WHEN lock_not_available THEN
        RETURN;
    END;
    EXECUTE format('SELECT EXISTS (SELECT FROM person WHERE person.id = $2 AND %s)',
        due_condition(rule)) INTO is_due USING now() - rule.keep::interval, person;
    IF is_due THEN
        recipients := recipients_of(person);
        outcome := 'erased';
        detail := (SELECT json_build_object('erased', done->'erased', 'kept', done->'kept',
            'recipients', recipients) FROM erase_places(person) AS done);
    END IF;
END $$;

-- Deletes at most so many due rows of a place, and what deleting documents leaves in history; rows
-- that others have in hand stay for the next round.
CREATE FUNCTION delete_due(class text, place text, most integer, OUT rows bigint, OUT due_before text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '2s'
AS $$
DECLARE
    rule retention_rule := rule_of(class, place, 'delete');
    cut_off timestamptz := now() - rule.keep::interval;
    gone uuid[];
    statement text := format('DELETE FROM %1$I WHERE %1$I.ctid = ANY (ARRAY(SELECT %1$I.ctid FROM %1$I '
        'WHERE %2$s LIMIT %3$s FOR UPDATE OF %1$I SKIP LOCKED))', place, due_condition(rule), most);
BEGIN
    PERFORM act_by_rule(class);
    due_before := time_text(cut_off);
    IF has_documents(place) THEN
        EXECUTE format('WITH gone AS (%s RETURNING id) SELECT array_agg(id) FROM gone', statement)
        INTO gone USING cut_off;
        DELETE FROM history WHERE resource = place AND id = ANY (gone);
        rows := coalesce(cardinality(gone), 0);
    ELSE
        EXECUTE statement USING cut_off;
        GET DIAGNOSTICS rows = ROW_COUNT;
    END IF;
END $$;

-- Enters that in the ledger, in the transaction that did it.
CREATE FUNCTION record_sweep(entry json) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM rule_of(entry->>'rule', entry->>'place', 'delete');
    INSERT INTO retention_sweep (id, version, doc) VALUES ((entry->>'id')::uuid, 1, entry);
END $$;

-- How many seconds are left until the next round, where there is one so often.
CREATE FUNCTION retention_due_in(every integer) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN (SELECT CASE WHEN isfinite(r.ended_at) THEN greatest(0, ceil(date_part('epoch',
            r.ended_at + make_interval(secs => every) - clock_timestamp())))::bigint ELSE 0 END
        FROM retention_round AS r);

CREATE FUNCTION end_retention_round() RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    UPDATE retention_round SET ended_at = clock_timestamp();
END;

GRANT EXECUTE ON FUNCTION list_retention_rules(), due_people(text, uuid, integer),
    erase_due_person(text, uuid), delete_due(text, text, integer), record_sweep(json),
    retention_due_in(integer), end_retention_round() TO iqm_server;

-- Rows are held before they are deleted.
CREATE POLICY owner_locks ON enquiry FOR UPDATE TO CURRENT_USER USING (true) WITH CHECK (false);
CREATE POLICY owner_locks ON legal_hold FOR UPDATE TO CURRENT_USER USING (true) WITH CHECK (false);

-- ---- what was deleted after a time before there were rules ----

-- Clears away what nobody can use any more, and ends sign-ins that are over; some at a time, by one
-- server at a time. How long sign-ins stay after that is for the rules.
CREATE OR REPLACE FUNCTION forget_expired() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    at_once CONSTANT integer := 5000;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('forget_expired')) THEN
        RETURN;
    END IF;
    DELETE FROM authorization_code WHERE hash IN (SELECT hash FROM authorization_code
        WHERE expires_at < now() - interval '1 day' LIMIT at_once FOR UPDATE SKIP LOCKED);
    DELETE FROM refresh_token WHERE hash IN (SELECT hash FROM refresh_token
        WHERE expires_at < now() - interval '1 day' LIMIT at_once FOR UPDATE SKIP LOCKED);
    DELETE FROM token WHERE id IN (SELECT id FROM token WHERE client_id IS NOT NULL
        AND least(expires_at, revoked_at) < now() - interval '1 day'
        LIMIT at_once FOR UPDATE SKIP LOCKED);
    UPDATE session SET revoked_at = now() WHERE id IN (SELECT id FROM session
        WHERE revoked_at IS NULL AND NOT EXISTS (SELECT FROM refresh_token
            WHERE session_id = session.id AND spent_at IS NULL AND expires_at > now())
        AND NOT EXISTS (SELECT FROM token WHERE token.session_id = session.id
            AND token.revoked_at IS NULL
            AND (token.expires_at IS NULL OR token.expires_at > now()))
        LIMIT at_once FOR NO KEY UPDATE SKIP LOCKED);
END $$;

-- Gives up what nobody could send in five days (RFC 5321, 4.5.4.1) and what has ended its server
-- each time. Returns how many mails wait.
CREATE OR REPLACE FUNCTION tend_outbox() RETURNS bigint
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
    RETURN (SELECT count(*) FROM outbox WHERE state = 'waiting');
END $$;
