-- Which frameworks the criteria of a contribution are of: held fast while it names them. That they have
-- such criteria, its rules have asked.
CALL hold_references('contribution', 'framework', 'criteria', '$.criteria[*].framework_id');
