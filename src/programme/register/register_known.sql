-- What the register last said of these schools.
SELECT urn, register FROM school WHERE urn = ANY (:urns::text[])
