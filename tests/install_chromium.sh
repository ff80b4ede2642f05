#!/bin/sh
# Install Chromium and a Chinese font for the tests in a browser; needs root on Debian or Ubuntu.
set -e
command -v chromium >/dev/null 2>&1 && exit 0
command -v apt-get >/dev/null 2>&1 || { echo "no chromium and no apt-get: install Chromium" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "no chromium: as root, apt-get install chromium fonts-noto-cjk" >&2; exit 1; }
echo "installing chromium for the tests in a browser (once)" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends chromium fonts-noto-cjk >/dev/null
