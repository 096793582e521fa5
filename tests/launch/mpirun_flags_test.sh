#!/bin/sh
# mpirun takes the flags for few and for many ranks, and starts them.
set -eu
flags=$(dirname "$0")/../../launch/mpirun_flags
for arguments in 1 2 "2 2" 8 "--unbound 1" "--unbound 8"; do
  ranks=${arguments#--unbound }
  ranks=${ranks% *}
  started=$(mpirun $("$flags" $arguments) -n "$ranks" sh -c 'echo started' | grep -c started)
  [ "$started" = "$ranks" ] || {
    echo "mpirun_flags $arguments: $ranks ranks expected, $started started"
    exit 1
  }
done
case " $("$flags" --unbound 1) " in
  *" --bind-to none "*) ;;
  *) echo "mpirun_flags --unbound 1 binds" && exit 1 ;;
esac
