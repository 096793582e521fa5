#!/bin/sh
# launch/setup with a dpkg-query, apt-get and id of our own: what it asks for as root, as another user, and when all is there.
set -eu
setup=$(cd "$(dirname "$0")/../../launch" && pwd)/setup
fake=$(mktemp -d)
trap 'rm -rf "$fake"' EXIT
cat >"$fake/dpkg-query" <<'END'
#!/bin/sh
for package; do
  case " $MISSING " in *" $package "*) ;; *) echo "$package installed" ;; esac
done
[ -z "$MISSING" ]
END
printf '#!/bin/sh\necho "$FAKE_USER"\n' >"$fake/id"
printf '#!/bin/sh\necho "$@" >>"$LOG"\ncase "$*" in *--dry-run) [ -e "$LISTS" ] ;; update*) touch "$LISTS" ;; esac\n' >"$fake/apt-get"
chmod +x "$fake"/*
export PATH="$fake:$PATH" LOG="$fake/log" LISTS="$fake/lists" FAKE_USER=0 MISSING=

# expect CODE TEXT ARGUMENTS...: the exit code and a text of the output.
expect() {
  want_code=$1 want_text=$2
  shift 2
  code=0
  : >"$LOG"
  output=$("$setup" "$@" 2>&1) || code=$?
  if [ "$code" != "$want_code" ] || ! printf '%s' "$output" | grep -qF -e "$want_text"; then
    printf 'setup %s: expected exit code %s and "%s"; got %s and:\n%s\n' "$*" "$want_code" "$want_text" "$code" "$output"
    exit 1
  fi
}
log_is() {
  [ "$(cut -d ' ' -f 1 "$LOG" | tr '\n' ' ')" = "$1" ] || {
    printf 'apt-get: expected "%s", got:\n' "$1"
    cat "$LOG"
    exit 1
  }
}

expect 0 "all there" && log_is ""
MISSING="cmake python3-h5py"
expect 0 "installing cmake" && log_is "install update install "
expect 0 "installing cmake" && log_is "install install "
case $output in *h5py*) echo "a check package without --check" && exit 1 ;; esac
expect 0 "installing cmake python3-h5py" --check
FAKE_USER=1000
expect 1 "sudo apt-get install --yes --no-install-recommends cmake" && log_is ""
expect 2 "unknown argument" --wrong && log_is ""
expect 0 "Usage" --help && log_is ""
