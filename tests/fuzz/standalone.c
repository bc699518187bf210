/*
 * Runs a fuzz target over the files and directories given, without libFuzzer: for the normal test
 * run. Exits with 1 when a file cannot be read or when there was none; the target aborts by itself.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_SIZE_MAX ((size_t)1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t inputs_run;

/* The bytes of a file, in exactly as much memory as they need, so that a sanitizer sees an overrun.
 */
static uint8_t *read_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    if (file != NULL && bytes != NULL && fread(bytes, 1, size, file) == size) {
        fclose(file);
        return bytes;
    }
    if (file != NULL)
        fclose(file);
    free(bytes);
    return NULL;
}

static int run_file(const char *path, size_t size)
{
    uint8_t *bytes = size <= FILE_SIZE_MAX ? read_file(path, size) : NULL;
    if (bytes == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return 1;
    }
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    inputs_run++;
    return 0;
}

static int run_path(const char *path);

static int run_entry(const char *directory, const char *name)
{
    char path[4096];
    int len = snprintf(path, sizeof(path), "%s/%s", directory, name);
    if (len < 0 || (size_t)len >= sizeof(path))
        return 1;
    return run_path(path);
}

static int run_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return 1;
    int result = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        if (entry->d_name[0] != '.')
            result |= run_entry(path, entry->d_name);
    closedir(directory);
    return result;
}

static int run_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    return S_ISDIR(status.st_mode) ? run_directory(path) : run_file(path, (size_t)status.st_size);
}

int main(int argc, char **argv)
{
    int result = 0;
    for (int i = 1; i < argc; i++)
        result |= run_path(argv[i]);
    printf("%zu inputs\n", inputs_run);
    return result != 0 || inputs_run == 0;
}
