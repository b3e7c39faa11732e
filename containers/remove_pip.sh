#!/bin/sh
# Removes pip and its bundled copies from the base image: what runs there installs nothing.
set -eu
rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* \
    /usr/lib/python3*/ensurepip /usr/lib/python3/dist-packages/pip* /usr/share/python-wheels /usr/bin/pip*
