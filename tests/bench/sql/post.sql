-- A meeting, in the two round trips of src/resource/write.c. Ids grow with time as the server's do.
\set n :n + 1
\set meeting :base + :n * 8 + :client_id
\set cluster random(0, :schools / 50 - 1) + 100000000000
\set school random(0, :schools - 1) + 100000000000
\startpipeline
BEGIN;
:identify;
:context;
\endpipeline
\startpipeline
INSERT INTO meeting (id, version, doc, written_by) VALUES (('0199000000007000' || :meeting)::uuid, 1,
    (:head || :cluster || :middle || :school || :tail)::json,
    nullif(current_setting('iqm.actor', true), '')::uuid);
COMMIT;
\endpipeline
