-- Row-level security has the last word on each that was found.
SELECT contribution.doc, found.rank, found.ranked, found.more, words.query::text, found.number,
    found.newest, found.oldest
FROM (SELECT websearch_to_tsquery('pg_catalog.english', :q)) AS words (query),
    search_contributions(words.query, array_remove(ARRAY['#kind=' || :kind::text,
        '#phase=' || :phase::text, '#region=' || :region::text], NULL), :academic_year::text,
        :limit::integer + 1, :place::numeric[]) AS found
JOIN contribution ON contribution.id = found.id
ORDER BY found.rank DESC, found.number DESC
