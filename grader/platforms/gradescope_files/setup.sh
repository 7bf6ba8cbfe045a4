#!/usr/bin/env bash
# Gradescope runs this once, as root, while it builds the autograder's image.
set -euo pipefail

root="${AUTOGRADER_ROOT:-/autograder}"
source="$root/source"

if command -v apt-get >/dev/null; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends python3 python3-venv bubblewrap >/dev/null
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || { echo "Python 3.11 or newer is needed: choose Ubuntu 24.04 or later as the base image." >&2; exit 1; }

python3 -m venv "$root/venv"
"$root/venv/bin/pip" install --quiet "$source"/grader-*.whl

# The real data sets: what you put into `data/` of the zip, else what may be downloaded. Without them the embedded
# samples are used, and every result says so.
if [ -d "$source/data" ]; then
    "$root/venv/bin/grade" data add "$source"/data/*
fi
for name in @DATA@; do
    "$root/venv/bin/grade" data fetch "$name" || echo "The data set $name could not be fetched." >&2
done

# The secret that the questions of the checks hang on: one for this image, so that every submission meets the same.
"$root/venv/bin/python" -c 'from grader.chance import secret; secret()'

# Checks are nothing for the eyes of the notebook, should it ever leave its sandbox as another user.
chmod -R go-rwx "$source"
