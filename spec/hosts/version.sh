#!/bin/sh
# A Lua of another version gets a sentence: sh version.sh FOLDER INTERPRETER SENTENCE.
set -eu
FOLDER=$1 SENTENCE=$3 "$2" -e '
  package.cpath = os.getenv("FOLDER") .. "/?.so"
  local ok, err = pcall(require, "echo")
  assert(not ok)
  assert(string.find(err, os.getenv("SENTENCE"), 1, true), err)'
