-- Row-level security has the last word on each that was found.
SELECT contribution.doc, found.rank, found.ranked, NOT found.more, words.query::text
FROM (SELECT websearch_to_tsquery('pg_catalog.english', :q)) AS words (query),
    search_contributions(words.query, array_remove(ARRAY['#kind=' || :kind::text,
        '#phase=' || :phase::text, '#region=' || :region::text], NULL), :academic_year::text,
        :limit::integer) AS found
JOIN contribution ON contribution.id = found.id
ORDER BY found.rank DESC, contribution.number DESC
