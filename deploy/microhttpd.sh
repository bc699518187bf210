# Gets libmicrohttpd 1.0.1 or later where the system has only an older one: the newest 1.0.x source
# package of a newer Debian release, fetched and verified by apt, built as a static library and kept
# in the build tree. Sourced by `deps`; it must not touch the machine's own apt state.
# shellcheck shell=bash

microhttpd_minimum=1.0.1
microhttpd_suites=(sid forky trixie)
microhttpd_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Prints where the built library's .pc file is, the newest version first.
microhttpd_built() {
    local dir
    while read -r dir; do
        PKG_CONFIG_PATH=$dir pkg-config --atleast-version=$microhttpd_minimum libmicrohttpd \
            2>/dev/null && echo "$dir" && return
    done < <(printf '%s\n' "$deps"/libmicrohttpd-*/lib/pkgconfig | sort -rV)
    return 1
}

# apt with lists, cache and sources of its own in the directory $private.
private_apt() {
    local command=$1
    shift
    APT_CONFIG='' "$command" -c "$private/apt.conf" "$@"
}

# Prints the archives that this machine gets its own release from, whatever form its sources take.
machine_archives() {
    local codename
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    apt-get --print-uris -o Dir::State::Lists="$private/none" -o Debug::NoLocking=1 update |
        sed -nE "s,^'(.*)/dists/($codename|stable|oldstable|testing)/InRelease'.*,\1,p" | sort -u
}

write_private_apt() {
    local suite=$1 archive
    rm -rf "$private/lists" "$private/cache" "$private/sources"
    mkdir -p "$private"/{lists/partial,cache/archives/partial,sources,none/partial}
    cat >"$private/apt.conf" <<CONF
Dir::State::Lists "$private/lists";
Dir::Cache "$private/cache";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$private/sources";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "2";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Update::Pre-Invoke;
CONF
    for archive in $(machine_archives); do
        printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' \
            "$archive" "$suite" "$microhttpd_keyring" >>"$private/sources/newer.sources"
    done
    [ -s "$private/sources/newer.sources" ] ||
        die "apt's configuration names no Debian archive to get libmicrohttpd from"
}

# Prints the newest version of the suite that is new enough and of the same major release.
microhttpd_offered() {
    private_apt apt-cache showsrc --only-source libmicrohttpd 2>/dev/null |
        sed -n 's/^Version: //p' | sort -rV | while read -r version; do
        dpkg --compare-versions "$version" ge $microhttpd_minimum &&
            dpkg --compare-versions "$version" lt 2 && echo "$version" && break
    done
}

# Leaves the verified source package of one suite in $private/source.
fetch_from() {
    local suite=$1 version
    say "Looking for libmicrohttpd in Debian $suite ..."
    write_private_apt "$suite"
    private_apt apt-get -q update >&2 || return 1
    version=$(microhttpd_offered)
    [ -n "$version" ] || return 1
    rm -rf "$private/source"
    mkdir -p "$private/source"
    [ "$(id -u)" != 0 ] || chown _apt "$private/source" 2>/dev/null || true
    (cd "$private/source" &&
        private_apt apt-get -q source --download-only --only-source "libmicrohttpd=$version" >&2)
}

microhttpd_fetch() {
    local suite
    [ -r "$microhttpd_keyring" ] ||
        die "the package debian-archive-keyring is missing, so apt cannot verify libmicrohttpd"
    for suite in "${microhttpd_suites[@]}"; do
        fetch_from "$suite" && return
    done
    die "libmicrohttpd $microhttpd_minimum or later is needed, this system has an older one or none," \
        "and no newer Debian release could be reached through apt to build it from"
}

# Debian's own patches concern its documentation and tests only, so the upstream source is built.
microhttpd_build() {
    local archive version prefix
    archive=$(printf '%s\n' "$private"/source/libmicrohttpd_*.orig.tar.* | grep -v '\.asc$' | head -n 1)
    version=${archive##*/libmicrohttpd_}
    version=${version%%.orig.*}
    prefix=$deps/libmicrohttpd-$version
    say "Building libmicrohttpd $version (about half a minute, once) ..."
    mkdir "$private/tree"
    tar -xf "$archive" -C "$private/tree" --strip-components=1
    (
        cd "$private/tree"
        CFLAGS="-O2 -g -fPIC -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 \
-Wformat -Werror=format-security" ./configure --prefix=/library --disable-shared \
            --enable-static --with-pic --disable-https --disable-doc --disable-examples \
            --disable-tools --disable-curl --disable-postprocessor --disable-bauth --disable-dauth \
            --disable-httpupgrade
        make -j"$(nproc)"
        make install DESTDIR="$private/installed"
    ) >"$deps/libmicrohttpd.log" 2>&1 || {
        tail -n 15 "$deps/libmicrohttpd.log" >&2
        die "libmicrohttpd $version could not be built; all of it stands in $deps/libmicrohttpd.log"
    }
    # The checkout may be moved, or lie in a directory whose name configure would stumble over.
    sed -i 's,^prefix=.*,prefix=${pcfiledir}/../..,' \
        "$private/installed/library/lib/pkgconfig/libmicrohttpd.pc"
    rm -rf "$prefix"
    mv "$private/installed/library" "$prefix"
}

# Prints the pkg-config path to use: empty where the system's own library is new enough.
microhttpd_ensure() {
    pkg-config --atleast-version=$microhttpd_minimum libmicrohttpd 2>/dev/null && return
    microhttpd_built && return
    # Outside the checkout: apt downloads as a user of its own, who may not be able to enter that.
    private=$(mktemp -d "${TMPDIR:-/tmp}/iqm-apt.XXXXXX")
    trap 'rm -rf "$private"' EXIT
    chmod 755 "$private"
    microhttpd_fetch
    microhttpd_build
    microhttpd_built || die "libmicrohttpd was built but pkg-config does not find it"
}
