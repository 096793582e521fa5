#!/bin/sh
# front_command_test.sh LOCKSTEP VERSION: the front command with verbs made here, beside it and in ../libexec/lockstep.
set -eu
version=$2
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
mkdir -p "$home/bin" "$home/libexec/lockstep" "$home/elsewhere"
cp "$1" "$home/bin/lockstep"
for verb in "$home/bin/lockstep-train" "$home/libexec/lockstep/lockstep-model"; do
  printf '#!/bin/sh\necho "$0"; for a in "$@"; do echo "[$a]"; done; exit 75\n' >"$verb"
  chmod +x "$verb"
done
echo "not a program" >"$home/bin/lockstep-data"

# expect CODE TEXT ARGUMENTS...: the exit code, and a text that the output (both streams) has.
expect() {
  want_code=$1 want_text=$2
  shift 2
  code=0
  output=$("$lockstep" "$@" 2>&1) || code=$?
  if [ "$code" != "$want_code" ] || ! printf '%s' "$output" | grep -qF -e "$want_text"; then
    printf 'lockstep %s: expected exit code %s and "%s"; got %s and:\n%s\n' "$*" "$want_code" "$want_text" "$code" "$output"
    exit 1
  fi
}
refuse_text() {
  if printf '%s' "$output" | grep -qF -e "$1"; then
    printf 'not expected: "%s" in:\n%s\n' "$1" "$output"
    exit 1
  fi
}

ln -s ../bin/lockstep "$home/elsewhere/lockstep"
for lockstep in "$home/bin/lockstep" "$home/elsewhere/lockstep"; do
  expect 75 "$home/bin/lockstep-train" train
  expect 75 "[a b]" train "a b" --help ""
  expect 75 "[--help]" train --help
  expect 75 "$home/libexec/lockstep/lockstep-model" model
  expect 0 "  train  " --help
  expect 0 "  model  " --help
  refuse_text "  data  "
  expect 0 "Examples:" -h
  expect 0 "lockstep $version" --version
  expect 2 "Usage:"
  expect 2 'is `train` meant?' trin
  expect 2 'no verb `zzzzzzzz`' zzzzzzzz
  refuse_text "meant"
  expect 2 "lockstep-data is not built" data
  expect 2 'no option `--verbose`' --verbose
  expect 2 'no verb `../bin/lockstep-train`' ../bin/lockstep-train
  expect 2 'no verb ``' ""
done
