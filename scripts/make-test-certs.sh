#!/bin/sh
# Makes the certificates in test/tls, which are committed so that the tests need no openssl. They are good for a hundred
# years and for nothing but tests; the key of the authority is thrown away. Run from the repository root.
set -eu

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
: > "$folder/index"

cat > "$folder/config" << END
[ca]
default_ca = test
[test]
new_certs_dir = $folder
database = $folder/index
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = none
[none]
END

new_key() {
  openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"
}

# certify NAME KEY EXTENSIONS FROM TO HOW…: test/tls/NAME.pem, signed in the way that the rest says.
certify() {
  name=$1 key=$2 from=$4 to=$5
  printf '%s\n' "$3" > "$folder/extensions"
  shift 5
  openssl req -new -config "$folder/config" -key "$key" -subj "/CN=offhand test: $name" -out "$folder/request"
  openssl ca -batch -notext -config "$folder/config" -in "$folder/request" -extfile "$folder/extensions" \
    -startdate "$from" -enddate "$to" "$@" -out "test/tls/$name.pem"
}

from=20240101000000Z
to=21240101000000Z
here='subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'
authority=$folder/authority-key.pem
pool=test/tls/pool-key.pem
stranger=test/tls/stranger-key.pem
new_key "$authority"
new_key $pool
new_key $stranger

certify ca "$authority" 'basicConstraints=critical,CA:true' $from $to -selfsign -keyfile "$authority"
certify stranger $stranger "$here" $from $to -selfsign -keyfile $stranger
certify pool $pool "$here" $from $to -cert test/tls/ca.pem -keyfile "$authority"
certify elsewhere $pool 'subjectAltName=DNS:pool.example' $from $to -cert test/tls/ca.pem -keyfile "$authority"
certify apart $pool 'subjectAltName=DNS:localhost,DNS:pool.invalid' $from $to -cert test/tls/ca.pem -keyfile "$authority"
certify expired $pool "$here" 20200101000000Z 20210101000000Z -cert test/tls/ca.pem -keyfile "$authority"
