# Gets what Debian does not have by pip and npm, which check it against the hashes in lock files: files
# out of wheels, of which no code runs, and programs for tests with an environment of their own. Kept
# in the build tree.
# Sourced by `deps`, `test`, `test-clients` and `test-schemathesis`.
# shellcheck shell=bash

# Prints the version that a lock file names.
locked_version() {
    sed -n 's/^[a-z].*==\([^ ]*\) .*/\1/p' "$1"
}

# Leaves FILE... of a wheel in $deps/NAME-VERSION and prints that: wheel_ensure NAME LOCK FILE...
wheel_ensure() {
    local name=$1 lock=$top/deploy/$2 dir private wheel
    shift 2
    dir=$deps/$name-$(locked_version "$lock")
    if [ ! -d "$dir" ]; then
        private=$(mktemp -d "$deps/$name.XXXXXX")
        say "Fetching $name $(locked_version "$lock") ..."
        PIP_DISABLE_PIP_VERSION_CHECK=1 /usr/bin/python3 -m pip download -q --no-deps --require-hashes \
            --only-binary=:all: --no-cache-dir -d "$private" -r "$lock" >&2 || {
            rm -rf "$private"
            die "pip could not fetch what $2 names; its reason stands above." \
                "Where a mirror must be used, tell pip (PIP_INDEX_URL or pip.conf)"
        }
        wheel=$(echo "$private"/*.whl)
        mkdir "$private/files"
        for file in "$@"; do
            unpack_file "$wheel" "$file" "$private/files/${file##*/}"
        done
        mv "$private/files" "$dir"
        rm -rf "$private"
    fi
    echo "$dir"
}

unpack_file() {
    /usr/bin/python3 - "$@" <<'PY'
import sys, zipfile
wheel, name, out = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive, open(out, "wb") as file:
    file.write(archive.read(name))
PY
}

# Prints where the viewer of the reference is, with a .pc file that meson finds it by.
viewer_ensure() {
    local dir
    dir=$(wheel_ensure swagger-ui viewer.lock flask_swagger_ui/dist/swagger-ui-bundle.js \
        flask_swagger_ui/dist/swagger-ui.css flask_swagger_ui/dist/LICENSE)
    [ -n "$dir" ] || exit 1
    printf 'datadir=${pcfiledir}\nName: swagger-ui\nDescription: a viewer of OpenAPI\nVersion: %s\n' \
        "$(locked_version "$top/deploy/viewer.lock")" >"$dir/swagger-ui.pc.new"
    mv "$dir/swagger-ui.pc.new" "$dir/swagger-ui.pc"
    echo "$dir"
}

axe_ensure() {
    wheel_ensure axe-core axe.lock axe_playwright_python/axe.min.js
}

# Leaves in DIR a Python environment of its own with what LOCK names, checked by hash, and nothing
# else: locked_environment DIR LOCK
locked_environment() {
    local dir=$1 lock=$2
    cmp -s "$lock" "$dir/.fetched" && return
    rm -rf "$dir"
    say "Fetching what ${lock#"$top"/} names ..."
    /usr/bin/python3 -m venv "$dir" || die "python3-venv could not make ${dir#"$top"/}"
    PIP_DISABLE_PIP_VERSION_CHECK=1 "$dir/bin/python" -m pip install -q --require-hashes \
        --only-binary=:all: --no-cache-dir -r "$lock" >&2 ||
        die "pip could not fetch what ${lock#"$top"/} names; its reason stands above." \
            "Where a mirror must be used, tell pip (PIP_INDEX_URL or pip.conf)"
    cp "$lock" "$dir/.fetched"
}

# Leaves in DIR the node_modules that the lock file of DIRECTORY names, checked by hash; none of
# their scripts runs: locked_modules DIR DIRECTORY
locked_modules() {
    local dir=$1 from=$2
    mkdir -p "$dir"
    cmp -s "$from/package-lock.json" "$dir/.fetched" && return
    say "Fetching what ${from#"$top"/}/package-lock.json names ..."
    cp "$from/package.json" "$from/package-lock.json" "$dir/"
    (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
        die "npm could not fetch what ${from#"$top"/} names; its reason stands above"
    cp "$from/package-lock.json" "$dir/.fetched"
}
