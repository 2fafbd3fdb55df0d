#!/usr/bin/env bash
# The tour of quickstart.sh through the five separate programs, with everything encrypted and proved from both sides:
# REST and health on TLS, gRPC, NATS and PostgreSQL with certificates of both ends, things with certificates of their
# own.
#
# It starts all of it on free ports of this machine, with certificates that it makes, and ends it and removes everything
# when it is through; nothing else on the machine is touched. Run `make programs` first. It needs what quickstart.sh
# needs, and PostgreSQL and nats-server (`scripts/install-packages test` installs them).
#
# FLUXGATE_BINARY says where the program `fluxgate` is; the five are beside it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
fluxgate=${FLUXGATE_BINARY:-$here/../.build/release/fluxgate}
programs=$(dirname "$fluxgate")
folder=$(mktemp -d)
ssl=$folder/ssl
certs=$ssl/certs
data=$folder/postgres
running=()

# --- helpers ---------------------------------------------------------------------------------------------------------

step() { printf '\n==> %s\n' "$*"; }

fail() {
    echo "FAILED: $*" >&2
    tail -n 20 "$folder"/*.log >&2
    exit 1
}

# Ends the programs first and what they stand on last.
clean_up() {
    for ((each = ${#running[@]} - 1; each >= 0; each--)); do
        kill "${running[each]}" 2>/dev/null || true
        wait "${running[each]}" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start <name> <command…>: runs it in the background.
start() {
    local name=$1
    shift
    "$@" >"$folder/$name.log" 2>&1 &
    running+=($!)
}

# await <name> <command…>: tries the command until it succeeds, while what was started last runs, for 30 seconds.
await() {
    local name=$1
    shift
    for _ in $(seq 300); do
        if "$@" >/dev/null 2>&1; then return; fi
        kill -0 "${running[-1]}" 2>/dev/null || fail "$name has ended"
        sleep 0.1
    done
    fail "waited in vain for $name"
}

# PostgreSQL refuses to run as root.
as_server=()
[ "$(id -u)" -ne 0 ] || as_server=(setpriv --reuid=postgres --regid=postgres --init-groups --)
owned() { # owned <path…>: by who runs PostgreSQL
    [ "$(id -u)" -ne 0 ] || chown -R postgres "$@"
}

# Debian keeps the server's programs out of the path.
initdb=$(command -v initdb || find /usr/lib/postgresql -name initdb 2>/dev/null | sort -V | tail -n 1)
postgres=$(dirname "$(readlink -f "$initdb")") # A link in the path may stand alone there.
[ -x "$postgres/initdb" ] || fail "there is no PostgreSQL server"

mapfile -t ports < <(python3 - <<'PORTS'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(20)]
print(*(each.getsockname()[1] for each in held), sep="\n")
PORTS
)

# --- certificates ----------------------------------------------------------------------------------------------------

step "Make two authorities, one for things and one for services, and a certificate for each end of each connection"
mkdir "$ssl"
cp "$here"/../ssl/{Makefile,certificates,openssl.cnf} "$ssl"
make -s -C "$ssl" ca server_cert
for name in users things http-adapter ws-adapter mqtt-adapter; do
    make -s -C "$ssl" client_cert CN="$name" CRT_FILE_NAME="$name"
done

# --- PostgreSQL and NATS ---------------------------------------------------------------------------------------------

step "Start PostgreSQL: a certificate of the services' authority names the user, and nobody else gets in"
chmod 711 "$folder"
mkdir "$data" "$folder/keys"
cp "$certs"/services.{crt,key} "$certs/service-ca.crt" "$folder/keys"
owned "$data" "$folder/keys"
(
    cd "$folder"
    "${as_server[@]}" "$postgres/initdb" --pgdata="$data" --username=admin --auth=reject --no-sync --encoding=UTF8
    printf '%s\n' 'CREATE ROLE users LOGIN;' 'CREATE ROLE things LOGIN;' 'CREATE DATABASE users OWNER users;' \
        'CREATE DATABASE things OWNER things;' |
        "${as_server[@]}" "$postgres/postgres" --single -D "$data" postgres
) >"$folder/initdb.log" 2>&1 || fail "PostgreSQL can't be set up"
echo 'hostssl all users,things 127.0.0.1/32 cert' >"$data/pg_hba.conf"
start postgres "${as_server[@]}" "$postgres/postgres" -D "$data" -c listen_addresses=localhost -c port="${ports[0]}" \
    -c unix_socket_directories= -c ssl=on -c ssl_cert_file="$folder/keys/services.crt" \
    -c ssl_key_file="$folder/keys/services.key" -c ssl_ca_file="$folder/keys/service-ca.crt"
await PostgreSQL "$postgres/pg_isready" -q -h localhost -p "${ports[0]}"

step "Start NATS: on TLS, and for those alone who have a certificate of the same authority"
start nats nats-server -a 127.0.0.1 -p "${ports[1]}" --tlsverify --tlscacert "$certs/service-ca.crt" \
    --tlscert "$certs/services.crt" --tlskey "$certs/services.key"
await NATS bash -c "</dev/tcp/127.0.0.1/${ports[1]}"

# --- the five programs -----------------------------------------------------------------------------------------------

step "Start users, things and the adapters"
export MF_REQUIRE_TLS=true MF_HOST=127.0.0.1
for part in USERS_HTTP THINGS_HTTP HTTP_ADAPTER WS_ADAPTER MQTT_ADAPTER; do export "MF_${part}_HOST=127.0.0.1"; done
MF_USERS_SECRET=$(openssl rand -hex 32)
MF_THINGS_SECRET=$(openssl rand -hex 32)
export MF_USERS_SECRET MF_THINGS_SECRET

export MF_USERS_HTTP_PORT=${ports[2]} MF_USERS_GRPC_PORT=${ports[3]} MF_USERS_OPS_PORT=${ports[4]}
export MF_THINGS_HTTP_PORT=${ports[5]} MF_THINGS_AUTH_HTTP_PORT=${ports[6]} MF_THINGS_AUTH_GRPC_PORT=${ports[7]}
export MF_THINGS_OPS_PORT=${ports[8]} MF_HTTP_ADAPTER_PORT=${ports[9]} MF_HTTP_ADAPTER_OPS_PORT=${ports[10]}
export MF_WS_ADAPTER_PORT=${ports[11]} MF_WS_ADAPTER_OPS_PORT=${ports[12]} MF_MQTT_ADAPTER_TLS_PORT=${ports[13]}
export MF_MQTT_ADAPTER_WS_PORT=${ports[14]} MF_MQTT_ADAPTER_OPS_PORT=${ports[15]}

# What the world sees, and what each program shows where it asks.
for part in USERS THINGS HTTP_ADAPTER WS_ADAPTER MQTT_ADAPTER; do
    export "MF_${part}_OPS_SERVER_CERT=$certs/services.crt" "MF_${part}_OPS_SERVER_KEY=$certs/services.key"
    case $part in
        *_ADAPTER) pair=$certs/mainflux-server ;;
        *) pair=$certs/services ;;
    esac
    export "MF_${part}_SERVER_CERT=$pair.crt" "MF_${part}_SERVER_KEY=$pair.key"
done
# Things prove themselves to the adapters, the programs to each other.
for part in HTTP_ADAPTER WS_ADAPTER MQTT_ADAPTER; do
    export "MF_${part}_CLIENT_CA_CERTS=$certs/ca.crt" "MF_${part}_CA_CERTS=$certs/service-ca.crt"
done
export MF_USERS_CLIENT_CA_CERTS=$certs/service-ca.crt MF_THINGS_CLIENT_CA_CERTS=$certs/service-ca.crt
export MF_THINGS_CA_CERTS=$certs/service-ca.crt MF_NATS_CA_CERTS=$certs/service-ca.crt
export MF_USERS_URL=localhost:$MF_USERS_GRPC_PORT MF_THINGS_URL=localhost:$MF_THINGS_AUTH_GRPC_PORT
export MF_NATS_URL=tls://localhost:${ports[1]}
for part in USERS THINGS; do
    export "MF_${part}_DB_HOST=localhost" "MF_${part}_DB_PORT=${ports[0]}" "MF_${part}_DB=${part,,}"
    export "MF_${part}_DB_USER=${part,,}" "MF_${part}_DB_SSL_MODE=verify-full"
    export "MF_${part}_DB_SSL_ROOT_CERT=$certs/service-ca.crt" "MF_${part}_DB_SSL_CERT=$certs/${part,,}.crt"
    export "MF_${part}_DB_SSL_KEY=$certs/${part,,}.key"
done

for name in users things http-adapter ws-adapter mqtt-adapter; do
    prefix=MF_${name^^}
    prefix=${prefix//-/_}
    export MF_NATS_CLIENT_CERT="$certs/$name.crt" MF_NATS_CLIENT_KEY="$certs/$name.key"
    [ "$name" = users ] || export "${prefix}_CLIENT_CERT=$certs/$name.crt" "${prefix}_CLIENT_KEY=$certs/$name.key"
    start "$name" "$programs/$name"
    await "$name" "$programs/$name" --check-health
done
echo "all five are ready"

# --- the tour --------------------------------------------------------------------------------------------------------

# The platform and its services are signed for by different authorities.
cat "$certs/ca.crt" "$certs/service-ca.crt" >"$folder/trusted.crt"
export MF_FLUXGATE_USERS_URL=https://localhost:$MF_USERS_HTTP_PORT
export MF_FLUXGATE_THINGS_URL=https://localhost:$MF_THINGS_HTTP_PORT
export MF_FLUXGATE_HTTP_URL=https://localhost:$MF_HTTP_ADAPTER_PORT
export MF_FLUXGATE_WS_URL=wss://localhost:$MF_WS_ADAPTER_PORT
export MF_FLUXGATE_MQTT_URL=mqtts://localhost:$MF_MQTT_ADAPTER_TLS_PORT
MF_FLUXGATE_CA_CERTS=$folder/trusted.crt FLUXGATE_SSL=$ssl FLUXGATE_BINARY=$fluxgate "$here/quickstart.sh"

# --- nobody gets in without ------------------------------------------------------------------------------------------

step "Without a certificate nobody is let in"
# knock <port> <options of openssl s_client…>: with TLS 1.2, where the client learns of a refusal in the handshake.
knock() {
    local port=$1
    shift
    openssl s_client -connect "localhost:$port" -CAfile "$folder/trusted.crt" -tls1_2 "$@" </dev/null >/dev/null 2>&1
}
# asks <what> <port> <pair> <options…>: it must let in who shows the pair, and nobody who shows none.
asks() {
    local what=$1 port=$2 pair=$certs/$3
    shift 3
    knock "$port" -cert "$pair.crt" -key "$pair.key" "$@" || fail "$what refuses who shows a certificate"
    if knock "$port" "$@"; then fail "$what lets in who shows no certificate"; fi
    echo "$what refuses"
}
KEY=a-key-of-no-thing make -s -C "$ssl" thing_cert CRT_FILE_NAME=visitor
asks "users, gRPC" "$MF_USERS_GRPC_PORT" things -alpn h2
asks "things, gRPC" "$MF_THINGS_AUTH_GRPC_PORT" http-adapter -alpn h2
asks "HTTP" "$MF_HTTP_ADAPTER_PORT" visitor
asks "WebSocket" "$MF_WS_ADAPTER_PORT" visitor
asks "MQTT" "$MF_MQTT_ADAPTER_TLS_PORT" visitor
asks "MQTT over WebSocket" "$MF_MQTT_ADAPTER_WS_PORT" visitor
if PGSSLMODE=require "$postgres/psql" -h localhost -p "${ports[0]}" -U users -c 'SELECT 1' >/dev/null 2>&1; then
    fail "PostgreSQL lets in who shows no certificate"
fi
echo "PostgreSQL refuses"
echo "Everything was encrypted, and everybody proved who they are."
