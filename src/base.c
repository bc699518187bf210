/* The few functions behind iqm/base.h. Nothing here may know a library or another room. */
#include "iqm/base.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void iqm_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void iqm_free_pointer(void *pointer)
{
    void *memory;
    /* The variable may be of any pointer type: copying its bytes keeps to the aliasing rules. */
    memcpy(&memory, pointer, sizeof(memory));
    free(memory);
    memory = NULL;
    memcpy(pointer, &memory, sizeof(memory));
}

bool iqm_slice_equal(struct iqm_slice a, struct iqm_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool iqm_slice_equal_string(struct iqm_slice a, const char *b)
{
    return iqm_slice_equal(a, (struct iqm_slice){b, strlen(b)});
}
