-- Bank holidays from a day on that the rule does not know.
SELECT bank_holidays_from(:day::date)
