-- Where personal data stands, whose rows are whose and what an erasure does with them, as the contract
-- declares it (x-privacy, places). iqmd migrate writes it anew each time; functions of the owner go
-- through it in its order, with the person's id as $1 of the condition.
CREATE TABLE personal_place (
    ordinal integer PRIMARY KEY,
    name text NOT NULL UNIQUE,
    condition text, -- null: nobody's rows, though they may mention somebody
    on_erasure text NOT NULL CHECK (on_erasure IN ('delete', 'anonymise', 'keep')),
    ground text,
    CHECK ((ground IS NOT NULL) = (on_erasure = 'keep')),
    CHECK (condition IS NOT NULL OR on_erasure = 'keep')
);
CALL keep_from_server('personal_place');
