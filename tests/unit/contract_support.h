/* What the unit tests of the contract's interpreter share: the tiny contract and its stubs. */
#ifndef TESTS_UNIT_CONTRACT_SUPPORT_H
#define TESTS_UNIT_CONTRACT_SUPPORT_H

#include "tiny_contract.h"

#include <check.h>

/* Runs one test case as a suite; the exit status for main(). */
static inline int run_case(TCase *tests, const char *name)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

#endif
