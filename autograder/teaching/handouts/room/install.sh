#!/bin/sh
# Installs the course from this folder, without network:  sh install.sh [FOLDER]
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
wanted=@PYTHON@
for python in "${PYTHON:-python$wanted}" python3 python; do
  if "$python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$wanted')" 2>/dev/null; then
    exec "$python" "$here/install.py" "$@"
  fi
done
echo "Python $wanted is needed and was not found. If you have it, name it:  PYTHON=/where/it/is sh install.sh" >&2
exit 1
