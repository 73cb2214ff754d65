#!/bin/bash
# Copyright The Sluice Authors.
# SPDX-License-Identifier: Apache-2.0
#
# progress.sh TITLE COMMAND…: runs COMMAND, and says every five seconds that it is still at it.
title=$1
shift
(
  for ((s = 5; ; s += 5)); do
    sleep 5
    echo "$title, $s s …"
  done
) &
ticker=$!
trap 'kill $ticker 2>/dev/null' EXIT
"$@"
