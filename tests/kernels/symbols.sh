#!/bin/sh
# symbols.sh libattend_kernels.a: linkers keep one of several equal inline functions, perhaps one for another processor. So what is
# compiled for a set of instructions defines nothing that it could share: only names in the namespace of that set.
set -eu
shared=$(nm -C --defined-only "$1" | awk '
  /^[a-z0-9_]+\.cc\.o:$/ { file = $1 }
  $2 ~ /^[VWu]$/ && file != "choose.cc.o:" && $0 !~ /attend::kernels::(plain|avx)/ { print file, $0 }')
[ -z "$shared" ] && exit 0
echo "these could be taken for one another's:"
echo "$shared"
exit 1
