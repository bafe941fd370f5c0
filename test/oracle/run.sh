#!/usr/bin/env bash
# Compares a gatehouse binary with recorded answers of Ory Kratos:
#
#	test/oracle/run.sh KIT BINARY
#
# KIT is the folder of the recordings and their checker, which needs Python 3 and the ports 4433, 4434, 8025, 8026, 4460.
set -euo pipefail
kit=$(realpath "${1:?folder of the kit}")
binary=$(realpath "${2:?gatehouse binary}")
command -v python3 >/dev/null || { echo "the recorded cases are checked by a Python program: install python3" >&2; exit 1; }
cd "$(dirname "$0")/../.."
exec go run ./test/oracle "$kit" "$binary"
