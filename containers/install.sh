#!/bin/sh
# Makes /opt/venv from a lock: every file checked by its hash, no pip inside, and an SBOM of what was installed.
#
#     install.sh LOCK TOOLS [PACKAGE]
#
# LOCK is what to install, TOOLS the lock of what builds and describes it. PACKAGE comes as source only: it is built
# with those tools, because pip's own isolated builds check no hashes.
set -eu
lock=$1 tools=$2 source_package=${3:-}

python3 -m venv /opt/tools
/opt/tools/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r "$tools"
python3 -m venv --without-pip /opt/venv

install() {
    /opt/tools/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --only-binary :all: "$@"
}

if [ -n "$source_package" ]; then
    entry="/^$source_package==/,/[^\\\\]\$/"  # Its line, and those that hold its hashes.
    sed -n "${entry}p" "$lock" > /tmp/source.txt
    sed "${entry}d" "$lock" > /tmp/wheels.txt
    /opt/tools/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --no-binary :all: --require-hashes \
        --wheel-dir /tmp/built -r /tmp/source.txt
    install --require-hashes -r /tmp/wheels.txt
    install --no-index /tmp/built/*.whl
else
    install --require-hashes -r "$lock"
fi

/opt/tools/bin/cyclonedx-py environment --output-reproducible --output-file /opt/venv/sbom.cdx.json /opt/venv/bin/python
