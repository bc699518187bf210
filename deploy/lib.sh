# What the scripts in this directory share: where the checkout is, how to speak, how to become root,
# installing what is missing, building. Sourced, never run; it must not start or stop any service.
# shellcheck shell=bash

set -euo pipefail

# Debian's own tools go first: a version manager's python3 lacks the packages installed here.
export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
export LC_ALL=C.UTF-8
# Set by hand to use meson directly, it would make the library built here look like the system's.
unset PKG_CONFIG_PATH
umask 022

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

packages_to_run=(gcc libc6-dev make meson ninja-build pkg-config xz-utils curl util-linux
    libjansson-dev libpq-dev libsodium-dev libuv1-dev libpcre2-dev libutf8proc-dev libmagic-dev zlib1g-dev
    libcurl4-openssl-dev libarchive-dev libxlsxwriter-dev python3 python3-yaml python3-pip)
packages_to_test=(check clang clang-format libclang-rt-14-dev valgrind llvm-14
    python3-pytest python3-pytest-xdist python3-jsonschema
    python3-authlib python3-cryptography python3-openpyxl python3-requests chromium-headless-shell
    python3-gi gir1.2-ical-3.0)

say() {
    printf '%s\n' "$*" >&2
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Runs a command as root, for which a user needs sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        die "installing packages needs root, and there is no sudo here; as root, run:" \
            "apt-get install -y --no-install-recommends ${missing[*]}"
    fi
}

# Sets `missing` to those of the packages named that are not installed.
find_missing() {
    local name
    missing=()
    for name in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] ||
            missing+=("$name")
    done
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
        -o Acquire::Retries=3 "$@"
}

# The package lists may be absent, or too old to be good for anything.
apt_install() {
    apt_get install -y -q --no-install-recommends "$@" && return
    say "Refreshing the package lists and trying again ..."
    apt_get update -q && apt_get install -y -q --no-install-recommends "$@"
}

install_packages() {
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
        die "this set-up installs Debian packages, and there is no apt here; install by hand: $*"
    find_missing "$@"
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
    if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null && ! sudo -v; then
        die "installing packages needs root, and sudo does not let you; ask an administrator for:" \
            "${missing[*]}"
    fi
    if [ "$(apt-cache policy "${missing[@]}" 2>/dev/null | grep -c 'Candidate: [0-9]')" != ${#missing[@]} ]; then
        apt_get update -q || die "apt could not refresh its package lists; the reason stands above"
    fi
    apt_install "${missing[@]}" >&2 || die "apt could not install: ${missing[*]}; the reason stands above"
}

# Prints the directory of the newest PostgreSQL server's programs, 15 or later.
postgresql_bin() {
    local dir
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5 -rn); do
        [ -x "$dir/initdb" ] && [ "$(cut -d/ -f5 <<<"$dir")" -ge 15 ] && echo "$dir" && return
    done
    return 1
}

# Debian's package makes and starts a cluster of its own when none is there; nobody asked for one.
install_postgresql() {
    postgresql_bin >/dev/null && return
    local dir=/etc/postgresql-common/createcluster.d result=0
    missing=(postgresql)
    as_root mkdir -p "$dir"
    as_root sh -c "echo 'create_main_cluster = false' >$dir/zz-iqm-setup.conf"
    (install_packages postgresql) || result=$?
    as_root rm -f "$dir/zz-iqm-setup.conf"
    [ $result = 0 ] || exit $result
    postgresql_bin >/dev/null || die "PostgreSQL 15 or later is needed, and apt offers none"
}

install_for_run() {
    install_packages "${packages_to_run[@]}"
    install_postgresql
}

install_for_test() {
    install_packages "${packages_to_run[@]}" "${packages_to_test[@]}"
    install_postgresql
}

# Dies unless the directory, once made, is writable and its disk has room.
need_room() {
    local dir=$1 megabytes=$2 free
    mkdir -p "$dir" 2>/dev/null || die "cannot make the directory $dir; check its owner and the disk"
    [ -w "$dir" ] || die "$dir belongs to $(stat -c %U "$dir"), not to you; run this as that user"
    free=$(df -Pm "$dir" | awk 'NR == 2 {print $4}')
    [ "$free" -ge "$megabytes" ] ||
        die "the disk of $dir is full: $free MB are free, $megabytes MB are needed"
}

# meson looks for statements and migrations only when it configures.
statement_files() {
    find "$top/src" "$top/migrations" -name '*.sql' | sort
}

# Configures (once, and again when the set-up changes) build/NAME and compiles a target there:
# build NAME TARGET OPTION...
build() {
    local dir=$top/build/$1 target=$2 path setup
    shift 2
    need_room "$top/build" 300
    path=$("$top/deploy/deps") || exit 1
    setup="$* $path"
    if [ "$(cat "$dir/.setup" 2>/dev/null)" != "$setup" ] || [ ! -f "$dir/build.ninja" ]; then
        rm -rf "$dir"
        meson setup "$dir" "$top" "$@" "--pkg-config-path=${path//:/,}" >&2 ||
            die "meson could not configure ${dir#"$top"/}; the reason stands above"
        printf '%s\n' "$setup" >"$dir/.setup"
    elif [ "$(statement_files)" != "$(cat "$dir/.statements" 2>/dev/null)" ]; then
        meson setup --reconfigure "$dir" "$top" >&2 ||
            die "meson could not configure ${dir#"$top"/}; the reason stands above"
    fi
    statement_files >"$dir/.statements"
    ninja -C "$dir" "$target" >&2 || die "the build in ${dir#"$top"/} failed; the reason stands above"
}
