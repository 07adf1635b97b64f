#!/usr/bin/env bash
# Lays the zoo's Python environment: environment.sh BUILD_DIR [GROUP...]
#
# Groups are the "@" headers of requirements.txt; without any, all of them. Each group carries a stamp with the
# fingerprint of its own lines, so a second call returns at once and a changed pin reinstalls its group only.
# A lock makes two build steps that ask at the same time take turns.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: environment.sh BUILD_DIR [GROUP...]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
build=$(cd "$1" && pwd)
shift
requirements=$here/requirements.txt
constraints=$here/constraints.txt
all=$(awk '$1 == "#" && $2 == "@" { print $3 }' "$requirements")
groups=${*:-$all}

exec 9>"$build/.environment.lock"
flock 9

lines() { awk -v want="$1" '$1 == "#" && $2 == "@" { on = ($3 == want); next } on && NF && $1 !~ /^#/' "$requirements"; }
how() { awk -v want="$1" '$1 == "#" && $2 == "@" && $3 == want { print ($4 == "" ? "deps" : $4) }' "$requirements"; }

for group in $groups; do
    way=$(how "$group")
    [ -n "$way" ] || { echo "environment.sh: no group '$group'; there are: $(echo $all)" >&2; exit 2; }
    packages=$(lines "$group")
    stamp=$build/.environment-$group
    case $way in
        torch) venv=$build/torch pins=$here/torch_without_cuda.py ;;
        *)     venv=$build/venv pins=$constraints ;;
    esac
    fingerprint=$({ echo "$way $packages"; cat "$pins"; } | sha256sum | cut -d' ' -f1)
    # A venv that was removed by hand takes its stamps' worth with it.
    if [ "$(cat "$stamp" 2>/dev/null)" = "$fingerprint" ] && [ -x "$venv/bin/python" ]; then continue; fi

    if [ ! -x "$venv/bin/python" ]; then
        [ "$way" = torch ] || rm -f "$build"/.environment-*
        python3 -m venv "$venv"
    fi
    echo "environment: installing $group" >&2
    case $way in
        deps)   "$build/venv/bin/python" -m pip install -q -c "$constraints" $packages ;;
        nodeps) "$build/venv/bin/python" -m pip install -q --no-deps $packages ;;
        target) "$build/venv/bin/python" -m pip install -q --no-deps --upgrade --target "$build/pk" $packages ;;
        torch)  "$venv/bin/python" -m pip install -q --no-deps $packages
                python3 "$here/torch_without_cuda.py" "$venv/bin/python" >&2 ;;
        *)      echo "environment.sh: group '$group' has an unknown way '$way'" >&2; exit 2 ;;
    esac
    echo "$fingerprint" >"$stamp"
done
