/* The directory where uploads wait to be imported. Must not decide what is done with them. */
#include "programme/register/spool.h"

#include "iqm/contract.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_NAME "lock"
#define ID_LENGTH ((size_t)IQM_UUID_TEXT - 1)

static void close_directory(DIR **directory)
{
    if (*directory != NULL)
        closedir(*directory);
}

static void make_directories(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    mkdir(path, 0700);
}

int iqm_spool_open(const char *path)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int directory = open(path, flags);

    if (directory >= 0 || errno != ENOENT || *path == '\0')
        return directory >= 0 ? directory : IQM_EIO;
    IQM_CLEANUP(iqm_free_pointer) char *copy = strdup(path);
    if (copy == NULL)
        return IQM_EIO;
    make_directories(copy);
    directory = open(path, flags);
    return directory >= 0 ? directory : IQM_EIO;
}

void iqm_spool_name(const char *id, const char *suffix, char ret_name[static IQM_SPOOL_NAME])
{
    snprintf(ret_name, IQM_SPOOL_NAME, "%.36s%.5s", id, suffix);
}

int iqm_spool_keep(int directory, int file, const char *id)
{
    char part[IQM_SPOOL_NAME];
    char whole[IQM_SPOOL_NAME];

    iqm_spool_name(id, IQM_SPOOL_PART, part);
    iqm_spool_name(id, IQM_SPOOL_WHOLE, whole);
    if (fsync(file) < 0 || renameat(directory, part, directory, whole) < 0 || fsync(directory) < 0)
        return IQM_EIO;
    return 0;
}

void iqm_spool_remove(int directory, const char *id)
{
    char name[IQM_SPOOL_NAME];

    iqm_spool_name(id, IQM_SPOOL_PART, name);
    unlinkat(directory, name, 0);
    iqm_spool_name(id, IQM_SPOOL_WHOLE, name);
    unlinkat(directory, name, 0);
}

/* Only files named by an id are ours: whatever else lies there is left alone. */
static bool is_upload(const char *name, const char *suffix)
{
    return strlen(name) == ID_LENGTH + strlen(suffix) && strcmp(name + ID_LENGTH, suffix) == 0 &&
           iqm_format_matches(IQM_FORMAT_UUID, name, ID_LENGTH);
}

/* Reads the directory from its start, by a descriptor of its own. */
static DIR *read_directory(int directory)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;

    if (entries == NULL)
        iqm_close_fd(&copy);
    return entries;
}

int iqm_spool_next(int directory, const char *after, char ret_id[static IQM_UUID_TEXT])
{
    IQM_CLEANUP(close_directory) DIR *entries = read_directory(directory);
    char first[IQM_UUID_TEXT] = "";

    if (entries == NULL)
        return IQM_EIO;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        const char *name = entry->d_name;
        if (!is_upload(name, IQM_SPOOL_WHOLE) || strncmp(name, after, ID_LENGTH) <= 0 ||
            (first[0] != '\0' && strncmp(name, first, ID_LENGTH) >= 0))
            continue;
        memcpy(first, name, ID_LENGTH);
    }
    if (first[0] == '\0')
        return IQM_ENOTFOUND;
    memcpy(ret_id, first, sizeof first);
    return 0;
}

bool iqm_spool_is_stale(int directory, const char *name)
{
    struct stat status;

    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           time(NULL) - status.st_mtime > IQM_SPOOL_STALE_SECONDS;
}

void iqm_spool_sweep(int directory)
{
    IQM_CLEANUP(close_directory) DIR *entries = read_directory(directory);

    if (entries == NULL)
        return;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (is_upload(entry->d_name, IQM_SPOOL_PART) &&
            iqm_spool_is_stale(directory, entry->d_name))
            unlinkat(directory, entry->d_name, 0);
    }
}

int iqm_spool_lock(int directory)
{
    int lock = openat(directory, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (lock < 0)
        return IQM_EIO;
    if (flock(lock, LOCK_EX | LOCK_NB) == 0)
        return lock;
    int error = errno == EWOULDBLOCK ? IQM_ELIMIT : IQM_EIO;
    iqm_close_fd(&lock);
    return error;
}
