-- What awards are judged by. Elements and criteria change over the years, so they are data: an
-- award stays with the edition it was given under, and who wants others makes a new edition.

CREATE TABLE framework (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    level text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'level') STORED,
    starts_on date NOT NULL GENERATED ALWAYS AS (date_of(doc->>'starts_on')) STORED
);
CREATE INDEX framework_level ON framework (level, id);
CREATE INDEX framework_starts_on ON framework (starts_on, id);

-- How a framework judges, whatever its words and their order: each criterion with what decides it.
CREATE FUNCTION judgements_of(framework json) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(
        SELECT concat_ws(' ', c->>'code', c->>'kind', coalesce(c->>'rule', '-'), c->>'minimum')
        FROM json_array_elements(framework->'criteria') AS c ORDER BY 1);

-- In use from the first day on. That day may not be put off either: all else could be changed then.
CREATE FUNCTION keep_framework_in_use() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    changed text := CASE WHEN NEW.level <> OLD.level THEN '_level' ELSE '' END
        || CASE WHEN NEW.starts_on > today() THEN '_starts_on' ELSE '' END
        || CASE WHEN judgements_of(NEW.doc) <> judgements_of(OLD.doc) THEN '_criteria' ELSE '' END;
BEGIN
    IF OLD.starts_on <= today() AND changed <> '' THEN
        RAISE EXCEPTION 'This framework has been in use since %: awards may have been judged by '
            'it. Titles and descriptions can be corrected; for anything else make a new edition.',
            OLD.doc->>'starts_on'
            USING ERRCODE = 'IQ409', CONSTRAINT = 'framework' || changed || '_check';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_framework_in_use AFTER UPDATE ON framework
    FOR EACH ROW EXECUTE FUNCTION keep_framework_in_use();

-- The editions of today, from the first day on which an award of the past may have been given; to
-- the letter as the server writes documents. Made before the table is protected: no caller did it.
WITH shipped (place, level, code, title, rule, minimum, description) AS (VALUES
    (1, 'inclusive_school_award', 'inclusion_values', 'Inclusion Values', NULL, NULL,
        'What the school believes about inclusion, and how that shows in its daily life.'),
    (2, 'inclusive_school_award', 'leadership', 'Leadership, Management and Accountability', NULL,
        NULL,
        'How those who lead the school plan for inclusion, manage it and answer for it.'),
    (3, 'inclusive_school_award', 'curriculum', 'Curriculum', NULL, NULL,
        'How what is taught is made for, and open to, every learner.'),
    (4, 'inclusive_school_award', 'teaching_and_learning', 'Teaching and Learning', NULL, NULL,
        'How lessons reach every learner, and every learner takes part.'),
    (5, 'inclusive_school_award', 'assessment', 'Assessment', NULL, NULL,
        'How progress of every kind is noticed, recorded and used for what comes next.'),
    (6, 'inclusive_school_award', 'behaviour',
        'Behaviour, Attitudes to Learning and Personal Development', NULL, NULL,
        'How learners behave, think of learning and grow as people.'),
    (7, 'inclusive_school_award', 'parents', 'Parents, Carers and Guardians', NULL, NULL,
        'How families are informed, heard and involved.'),
    (8, 'inclusive_school_award', 'links', 'Links with Local, Wider and Global Community', NULL,
        NULL,
        'What the school gives to, and takes from, communities near and far.'),

    (1, 'centre_of_excellence', 'annual_visit', 'Annual visit', 'annual_visit', NULL,
        'Commits to a visit every year that validates, supports and advises, and whose report '
        'helps to plan further development.'),
    (2, 'centre_of_excellence', 'commitment', 'Commitment to inclusion', NULL, NULL,
        'Is committed to inclusion.'),
    (3, 'centre_of_excellence', 'capacity', 'Growing capacity', NULL, NULL,
        'Shows developing capacity to sustain inclusive practice in the whole school.'),
    (4, 'centre_of_excellence', 'cluster', 'Active member of a cluster', 'attends_meetings', 1,
        'Is an active member of a cluster group of Centres of Excellence and Flagship Schools.'),
    (5, 'centre_of_excellence', 'dissemination', 'Sharing between schools', NULL, NULL,
        'Has good ways to disseminate, share, encourage and influence good inclusive practice '
        'between schools.'),
    (6, 'centre_of_excellence', 'research', 'Activities and in-house research', NULL, NULL,
        'Engages in activities and in-house research that explore inclusive practice.'),
    (7, 'centre_of_excellence', 'action_plan', 'Action Plan and Review document', 'plan_each_year',
        NULL,
        'Keeps the Action Plan and Review document as a yearly record of progress and development '
        'over the three years of the contract.'),
    (8, 'centre_of_excellence', 'development', 'Development of the programme', NULL, NULL,
        'Is ready to contribute positively to the overall development aims of IQM.'),

    (1, 'flagship', 'centre_of_excellence', 'Centre of Excellence for three years',
        'held_three_years', NULL, 'Has held Centre of Excellence for at least three years before '
        'attaining Flagship status for the first time.'),
    (2, 'flagship', 'annual_update', 'Annual written update', 'project_update_each_year', NULL,
        'Writes an update of progress against the project outline every year, as the basis of the '
        'annual review.'),
    (3, 'flagship', 'cluster', 'Active member of a cluster', 'cluster_member', NULL,
        'Is an active member of a cluster group of Centres of Excellence and Flagship Schools.'),
    (4, 'flagship', 'meetings', 'Attendance at cluster meetings', 'attends_meetings', 2,
        'Attends cluster meetings, a prerequisite to keeping Flagship status.'),
    (5, 'flagship', 'research', 'Classroom-level research', NULL, NULL,
        'Engages in classroom-level research that explores inclusive practice.'),
    (6, 'flagship', 'capacity', 'Capacity to share more widely', NULL, NULL,
        'Has the capacity to share and disseminate good inclusive practice across a broader '
        'cluster of schools.'),
    (7, 'flagship', 'sharing', 'Practice, staff, visits and training', NULL, NULL,
        'Shares practice, staff, visits and training.'),
    (8, 'flagship', 'ethos', 'Sustaining the ethos', NULL, NULL,
        'Is committed to sustaining the IQM ethos through collaborative activities.'),
    (9, 'flagship', 'support', 'Support of other schools', NULL, NULL,
        'Is willing and able to support other schools to become IQM schools or Centres of '
        'Excellence.'),
    (10, 'flagship', 'development', 'Development of the programme', NULL, NULL,
        'Is prepared to contribute to the overall development aims of IQM, with expertise or by '
        'trialling practice.')
)
INSERT INTO framework (id, version, doc)
SELECT new.id::uuid, 1, ('{"id":"' || new.id || '","version":1,"created_at":"' || time_text(now())
        || '","updated_at":"' || time_text(now()) || '","level":"' || new.level || '","title":"'
        || new.title || '","edition":"2024","starts_on":"2004-09-01","criteria":['
        || string_agg('{"code":"' || shipped.code || '","kind":"' || new.kind || '","title":'
            || to_json(shipped.title) || ',"description":' || to_json(description)
            || coalesce(',"rule":"' || rule || '"', '')
            || coalesce(',"minimum":' || shipped.minimum, '')
            || '}', ',' ORDER BY place)
        || ']}')::json
FROM (VALUES
        ('00feb74a-6800-7000-8000-000000000001', 'inclusive_school_award', 'Inclusive School Award',
            'element'),
        ('00feb74a-6800-7000-8000-000000000002', 'centre_of_excellence', 'Centre of Excellence',
            'criterion'),
        ('00feb74a-6800-7000-8000-000000000003', 'flagship', 'Flagship School', 'criterion')
    ) AS new (id, level, title, kind)
    JOIN shipped USING (level)
GROUP BY new.id, new.level, new.title, new.kind;

CALL protect_documents('framework', '{head_office,client,ambassador,school}');
