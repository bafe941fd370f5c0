#!/usr/bin/env bash
# Starts the binary under test once the kit's provider and mail sink listen: the provider makes
# an RSA key in plain Python first, which takes it anything up to some seconds.
for port in 4460 8025; do
	for _ in $(seq 300); do
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
		sleep 0.1
	done
done
exec "$ORACLE_BINARY" "$@"
