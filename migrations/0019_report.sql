-- What the report counts by.
ALTER TABLE school ADD COLUMN region text COLLATE "C" GENERATED ALWAYS AS (doc->>'region') STORED;
CREATE INDEX review_visited_on ON review (visited_on, school_id, status);
