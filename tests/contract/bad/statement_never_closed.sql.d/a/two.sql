SELECT /* /* */ 1;
