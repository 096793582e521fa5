# Read by the scripts beside it: `phase TITLE COMMAND...` runs the command and says what it does and how long it took.
export LC_ALL=C.UTF-8

phase() {
  phase_title=$1
  shift
  printf '== %s\n' "$phase_title"
  phase_start=$(date +%s)
  "$@" || {
    phase_code=$?
    printf '== %s: FAILED with exit code %d after %d s\n' "$phase_title" "$phase_code" $(($(date +%s) - phase_start)) >&2
    exit "$phase_code"
  }
  printf '== %s: done in %d s\n' "$phase_title" $(($(date +%s) - phase_start))
}
