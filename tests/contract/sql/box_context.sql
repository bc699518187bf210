-- What the rules of a box want to see; :not_one and the following are no parameters.
SELECT ':a' || E'it\':b' || $t$ :c $$ $t$ || ":d", /* :e /* :f */ */ now()::text, 'it'':g'
FROM lid WHERE box_id = :box_id::uuid AND name = :name AND other <> :box_id;
