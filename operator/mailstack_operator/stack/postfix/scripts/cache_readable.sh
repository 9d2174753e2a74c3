# Fails while verify(8) could answer nobody; a restart of the container begins the cache anew.
# Environment: DATA.
set -eu
. ./cache.sh

! cache_is_damaged
