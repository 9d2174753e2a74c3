# files_exist.sh FILE...: succeeds if each is a socket, or a file that is not empty.
set -eu
for file; do
  test -S "$file" || test -s "$file"
done
