#!/bin/bash
# Installs the mail programs that the tests under test/peers talk to. Debian, as root; what is there already is kept.
#
# Postfix, Exim, OpenSMTPD and Sendmail exclude one another as packages: Postfix is installed, the others are unpacked
# under $SMAIL_PEERS_DIR. Nothing of all this is started.
set -euo pipefail

into=${SMAIL_PEERS_DIR:-/var/lib/smail-peers}
installed=(postfix dovecot-core dovecot-lmtpd swaks libnet-ssleay-perl msmtp curl python3 openssl util-linux m4)
aside=(exim4-base exim4-daemon-light opensmtpd sendmail-base sendmail-bin sendmail-cf)
users=(Debian-exim opensmtpd opensmtpq)

[ "$(id -u)" = 0 ] || { echo "$0: only root can install" >&2; exit 77; }
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
apt() { apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root "$@"; }

missing=()
for package in "${installed[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)" = 'ii ' ] || missing+=("$package")
done
unpacked=("$into/usr/sbin/exim4" "$into/usr/sbin/smtpd" "$into/usr/sbin/sendmail-mta")
whole=yes
for file in "${unpacked[@]}"; do [ -x "$file" ] || whole=no; done
# It names what was unpacked: a folder with less is made anew.
[ "$(cat "$into/complete" 2>/dev/null)" = "${aside[*]}" ] || whole=no

if [ ${#missing[@]} -gt 0 ] || [ $whole = no ]; then
  apt update
fi

# An installed service would be started: this is Debian's way to say no.
policy=/usr/sbin/policy-rc.d
unpolicy() {
  rm -f $policy
  [ ! -e $policy.before-smail-peers ] || mv $policy.before-smail-peers $policy
}
quietly() {
  [ ! -e $policy ] || mv $policy $policy.before-smail-peers
  trap unpolicy EXIT
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
  apt install --no-install-recommends "$@" </dev/null >/dev/null
  unpolicy
  trap - EXIT
}

if [ ${#missing[@]} -gt 0 ]; then quietly "${missing[@]}"; fi

if [ $whole = no ]; then
  # Tests may be using what is there.
  new=$into.new
  rm -rf "$new" "$into.old"
  mkdir -p "$new/packages"
  (cd "$new/packages" && apt download "${aside[@]}")
  libraries=()
  for package in "$new"/packages/*.deb; do
    dpkg -x "$package" "$new"
    while read -r library; do libraries+=("$library"); done < <(
      dpkg-deb -f "$package" Depends | tr ',' '\n' | sed 's/[|(].*//; s/[[:space:]]//g' | grep '^lib'
    )
  done
  quietly "${libraries[@]}"
  rm -rf "$new/packages"
  chmod u-s "$new/usr/sbin/exim4"
  chmod g-s "$new/usr/libexec/sendmail/sendmail"
  # The name that alternatives of Debian have for it.
  ln -s ../libexec/sendmail/sendmail "$new/usr/sbin/sendmail-mta"
  echo "${aside[*]}" >"$new/complete"
  [ ! -e "$into" ] || mv "$into" "$into.old"
  mv "$new" "$into"
  rm -rf "$into.old"
fi

for user in "${users[@]}"; do
  getent group "$user" >/dev/null || groupadd --system "$user"
  getent passwd "$user" >/dev/null ||
    useradd --system --gid "$user" --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
done

# Where OpenSMTPD and Exim look for their things, whatever one tells them: each of them finds its own mounted there.
mkdir -p /var/spool/smtpd /usr/libexec/opensmtpd /var/lib/opensmtpd/empty /etc/exim4
chmod 711 /var/spool/smtpd /var/lib/opensmtpd/empty
