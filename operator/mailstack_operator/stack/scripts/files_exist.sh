# files_exist.sh FILE...: succeeds if each exists and is not empty.
set -eu
for file; do
  test -s "$file"
done
