-- What people write, invented: 5,000 sentences of fourteen words, common words more often. Texts made of
-- them are about as long when they are compressed as what schools write.
SELECT setseed(0.5);

CREATE TEMP TABLE word AS SELECT row_number() OVER () - 1 AS n, word
FROM regexp_split_to_table('pupils teachers staff parents school class children support practice
    reading writing speech language autism dyslexia behaviour attendance wellbeing nurture mentoring
    phonics numeracy homework transition playground lunchtime assembly governors curriculum lesson
    planning assessment feedback progress confidence anxiety attachment trauma resilience friendship
    kindness belonging identity culture heritage community families carers volunteers libraries music
    drama sport outdoor garden forest cooking technology tablets visuals timetable symbols displays
    quiet corner breaks movement lighting noise seating furniture equipment training workshop visit
    observation coaching research survey interview findings evidence impact outcome target review
    meeting cluster network partner sharing resources booklet film website leadership vision values
    policy induction recruitment retention workload', '\s+') AS word
UNION ALL SELECT 200 + n, chr(97 + n % 20) || substr('aeiou', 1 + n / 20 % 5, 1)
    || substr('bdfglmnprstv', 1 + n / 100 % 12, 1) || substr('aeiou', 1 + n / 1200 % 5, 1) || 'tton'
FROM generate_series(0, 5999) AS n;
CREATE TEMP TABLE sentence AS
SELECT n, initcap(left(string_agg(word, ' ' ORDER BY place), 1))
    || substr(string_agg(word, ' ' ORDER BY place), 2) || '.' AS text
FROM (SELECT n, place, CASE WHEN random() < 0.35
        THEN (ARRAY['the', 'and', 'with', 'for', 'our', 'in', 'of', 'to', 'we', 'all'])
            [1 + floor(random() * 10)::int]
        ELSE all_words[1 + floor(random() ^ 3 * cardinality(all_words))::int] END AS word
    FROM (SELECT array_agg(word ORDER BY n) AS all_words FROM word) AS words,
        generate_series(0, 4999) AS n, generate_series(1, 14) AS place) AS words
GROUP BY n;
CREATE UNIQUE INDEX ON sentence (n);

-- So many of them, the same for the same seed.
CREATE FUNCTION pg_temp.prose(seed text, count integer) RETURNS text STABLE LANGUAGE sql
RETURN (SELECT string_agg(text, ' ' ORDER BY place) FROM generate_series(1, count) AS place
    JOIN sentence ON n = (hashtext(seed || place) & 2147483647) % 5000);
