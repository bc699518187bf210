/* RFC 7396: every example of its appendix A, and that neither argument is changed. */
#include "contract_support.h"

#include <jansson.h>

static const struct {
    const char *original, *patch, *result;
} examples[] = {
    {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
    {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
    {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
    {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
    {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
    {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
    {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
    {"{\"a\":\"foo\"}", "null", "null"},
    {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
    {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
    {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
    {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    /* Beyond the appendix: order is kept, and an array is taken whole. */
    {"{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":4,\"d\":5}", "{\"a\":1,\"b\":4,\"c\":3,\"d\":5}"},
    {"{\"a\":1}", "{\"a\":[{\"b\":null}]}", "{\"a\":[{\"b\":null}]}"},
};

static void assert_text(const json_t *value, const char *wanted)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    ck_assert_str_eq(text, wanted);
    free(text);
}

START_TEST(example)
{
    json_t *original = json_loads(examples[_i].original, JSON_DECODE_ANY, NULL);
    json_t *patch = json_loads(examples[_i].patch, JSON_DECODE_ANY, NULL);
    json_t *merged = iqm_merge_patch(original, patch);
    assert_text(merged, examples[_i].result);
    assert_text(original, examples[_i].original);
    assert_text(patch, examples[_i].patch);
    json_decref(merged);
    json_decref(patch);
    json_decref(original);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("merge_patch");
    tcase_add_loop_test(tests, example, 0, (int)IQM_LENGTH(examples));
    return run_case(tests, "contract_merge_patch");
}
