/* Runs a list of Check tests as a program: the main of every unit test here. */
#ifndef IQM_TESTS_SUITE_H
#define IQM_TESTS_SUITE_H

#include <check.h>
#include <sodium.h>
#include <stdlib.h>

static inline int suite_run(const char *name, void (*set_up)(void), void (*tear_down)(void),
    const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);

    if (sodium_init() < 0)
        return EXIT_FAILURE;
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
