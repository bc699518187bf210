# The private PostgreSQL under $home: making, starting and stopping it, and being the user that it
# runs as. Sourced by `run`; it must not know what is stored in the database.
# shellcheck shell=bash

# PostgreSQL refuses to run as root: then its files and processes, and the server's, belong to the
# user who owns the data already, or to the one that Debian's package made.
choose_service_user() {
    service_user=
    [ "$(id -u)" = 0 ] || return 0
    service_user=postgres
    [ -d "$home/postgresql" ] && service_user=$(stat -c %U "$home/postgresql")
    id "$service_user" >/dev/null 2>&1 || service_user=nobody
    # It must be able to pass through; the files inside have modes of their own.
    chmod 0711 "$home"
}

# Replaces this (sub)shell by a command run in a directory as the service's user. The directory is
# entered before root is given up, so it may lie where that user could not go.
exec_in() {
    local dir=$1
    shift
    exec 3>&- 9>&-
    cd "$dir"
    exec setpriv ${service_user:+--reuid="$service_user" --regid="$(id -g "$service_user")"} \
        ${service_user:+--clear-groups} --no-new-privs --pdeathsig="${death_signal:-clear}" -- "$@"
}

run_in() {
    (exec_in "$@")
}

own() {
    [ -z "$service_user" ] || chown "$service_user:$(id -gn "$service_user")" "$@"
}

# Runs one of PostgreSQL's programs on a directory that the service's user may be unable to walk
# down to: opened here, it is reached through /proc by that user and by all that it starts.
postgresql_program() {
    local dir=$1 name=$2
    shift 2
    (exec 7<"$dir" && exec_in / "$pg_bin/$name" -D /proc/self/fd/7 "$@")
}

# A socket's path has at most 107 bytes and must be reachable; where it cannot lie in $home, it lies
# in a short private directory, and $home/socket leads there.
choose_socket_dir() {
    remove_socket_dir
    socket=$home/socket
    mkdir -m 0700 "$socket"
    own "$socket"
    if [[ "$socket" =~ ^[A-Za-z0-9/._-]{1,90}$ ]] && run_in / test -x "$socket"; then
        return
    fi
    rmdir "$socket"
    socket=$(mktemp -d /tmp/iqm.XXXXXX) || die "cannot make a directory for the socket in /tmp"
    own "$socket"
    ln -s "$socket" "$home/socket"
}

remove_socket_dir() {
    local dir
    dir=$(readlink -f "$home/socket" 2>/dev/null) || return 0
    [ -d "$dir" ] && rm -f "$dir"/.s.PGSQL.* && rmdir "$dir" 2>/dev/null
    rm -f "$home/socket" 2>/dev/null || true
}

# An eighth of the machine's memory, from 128 MB to 2 GB: a page that PostgreSQL must fetch from the
# kernel costs twice the CPU of one it holds itself.
shared_buffers() {
    awk '/^MemTotal:/ { mb = int($2 / 8192) } END { print (mb < 128 ? 128 : mb > 2048 ? 2048 : mb) "MB" }' \
        /proc/meminfo
}

postgresql_settings() {
    cat <<CONF

# iqm-api: only through the socket, and nobody's data in the log.
listen_addresses = ''
port = 5432
shared_buffers = $(shared_buffers)
random_page_cost = 1.1
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_line_prefix = '%m [%p] %q%u@%d '
CONF
}

# Made under another name first, so that an interrupted start leaves nothing half made.
make_database_cluster() {
    local new=$home/postgresql.new
    [ ! -f "$home/postgresql/PG_VERSION" ] || return 0
    say "Making a private PostgreSQL in $home/postgresql ..."
    rm -rf "$new"
    mkdir -m 0700 "$new"
    own "$new"
    postgresql_program "$new" initdb -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
        --data-checksums --no-instructions >"$home/initdb.log" 2>&1 || {
        tail -n 5 "$home/initdb.log" >&2
        die "PostgreSQL could not be made in $home; the reason stands above"
    }
    postgresql_settings >>"$new/postgresql.conf"
    rmdir "$home/postgresql" 2>/dev/null || true
    mv "$new" "$home/postgresql"
    rm -f "$home/initdb.log"
}

# The number in its pid file may be another program's by now. Only its own user may be let look
# where it works: root in a container often is not.
postgresql_runs() {
    local pid
    pid=$(head -n 1 "$home/postgresql/postmaster.pid" 2>/dev/null) || return 1
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = postgres ] &&
        [ "$(run_in / readlink "/proc/$pid/cwd")" = "$(readlink -f "$home/postgresql")" ]
}

# An earlier run may have been killed and have left its PostgreSQL, running or dead.
recover_postgresql() {
    if postgresql_runs; then
        say "An earlier run left its PostgreSQL running; stopping that first ..."
        stop_postgresql
    fi
    rm -f "$home/postgresql/postmaster.pid"
}

pg_ctl() {
    postgresql_program "$home/postgresql" pg_ctl -s -w "$@"
}

# What the server's workers open, the import, and some for people.
connections_needed() {
    local workers=${IQM_WORKERS:-0}
    [ "$workers" != 0 ] || workers=$(nproc)
    echo $((30 + workers * (${IQM_WRITE_CONNECTIONS:-8} + 12)))
}

start_postgresql() {
    local version connections
    version=$(cat "$home/postgresql/PG_VERSION")
    [ -x "/usr/lib/postgresql/$version/bin/postgres" ] ||
        die "$home/postgresql was made by PostgreSQL $version, which is not installed here"
    pg_bin=/usr/lib/postgresql/$version/bin
    recover_postgresql
    choose_socket_dir
    connections=$(connections_needed)
    touch "$home/postgresql.log"
    chmod 0600 "$home/postgresql.log"
    own "$home/postgresql.log"
    say "Starting PostgreSQL $version ..."
    postgresql_started=yes
    # The processes of one that was killed may need a moment to notice it.
    for _ in 1 2 3; do
        pg_ctl start -t 120 -l /proc/self/fd/7/../postgresql.log \
            -o "-k $socket -c max_connections=$connections" >/dev/null 2>&1 && return
        sleep 1
    done
    tail -n 8 "$home/postgresql.log" >&2
    die "PostgreSQL did not start; the end of $home/postgresql.log stands above"
}

stop_postgresql() {
    pg_ctl stop -m fast -t 60 >/dev/null || pg_ctl stop -m immediate -t 20 >/dev/null
}

psql_as_superuser() {
    run_in / "$pg_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$socket" -U postgres "$@"
}

# The owner may make the server's role (its first migration does) but is no superuser.
make_database() {
    psql_as_superuser -d postgres <<'SQL' || die "the database could not be made; the reason stands above"
SELECT 'CREATE ROLE iqm_owner LOGIN CREATEROLE'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'iqm_owner') \gexec
SELECT format('CREATE DATABASE %I OWNER iqm_owner', wanted) FROM unnest('{iqm,iqm_keys}'::text[]) AS wanted
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = wanted) \gexec
SQL
}
