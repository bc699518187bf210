SELECT $t$ a $u$;
