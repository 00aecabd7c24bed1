#!/bin/sh
# What a container engine does with deploy/Containerfile and the flags of deploy/README.md, by hand: mount namespace, read-only
# root, a volume, a user without rights, and the program as PID 1. Run by container.test.ts, in `unshare --mount --pid --fork`.
#
#   in-container.sh PREFIX ETC VOLUME USERSTEP USER WORKDIR PROGRAM [ARGS…]
set -eu
prefix=$1 etc=$2 volume=$3 userstep=$4 user=$5 workdir=$6
shift 6
mount --make-rprivate /
# Where the image's own steps write: a copy of /etc, and a /var/lib of its own.
mount --bind "$etc" /etc
mount -t tmpfs -o mode=0755 tmpfs /var/lib
sh -euc "$userstep"
chown "$user" "$volume"
chmod 0700 "$volume"
mount --bind "$volume" "$workdir"
mount --bind "$prefix" /mnt
# --read-only --tmpfs /run --tmpfs /tmp
mount -o remount,bind,ro /etc
mount -o remount,ro /var/lib
mount --bind / /media && mount -o remount,bind,ro /media
for each in proc dev sys etc var/lib mnt "${workdir#/}"; do mount --rbind "/$each" "/media/$each"; done
mount -t tmpfs -o mode=1777 tmpfs /media/run
mount -t tmpfs -o mode=1777 tmpfs /media/tmp
exec chroot /media sh -euc '
  cd "$1"; user=$2; shift 2
  exec setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups --no-new-privs --bounding-set=-all "$@"
' sh "$workdir" "$user" "$@"
