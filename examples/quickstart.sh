#!/usr/bin/env bash
# The platform in two minutes: open an account, make two things and a channel, and send a message over MQTT, HTTP and
# WebSocket. Every message must arrive at an MQTT and at a WebSocket subscriber, byte for byte and exactly once; the exit
# code says whether it did.
#
# Start the platform with `make run`, then run this in a second terminal. It needs curl, jq and mosquitto's clients
# (`scripts/install-packages test` installs them).
#
# If you chose other ports, set the same MF_… variables here; for a platform elsewhere, or on TLS, those by which the
# command line finds it (MF_FLUXGATE_USERS_URL and so on, MF_FLUXGATE_CA_CERTS). Where things need certificates,
# FLUXGATE_SSL is the folder that makes them: ssl. FLUXGATE_BINARY says where the program is.
set -euo pipefail

host=127.0.0.1
users=${MF_FLUXGATE_USERS_URL:-http://$host:${MF_USERS_HTTP_PORT:-8180}}
things=${MF_FLUXGATE_THINGS_URL:-http://$host:${MF_THINGS_HTTP_PORT:-8182}}
publish=${MF_FLUXGATE_HTTP_URL:-http://$host:${MF_HTTP_ADAPTER_PORT:-8185}}
websocket=${MF_FLUXGATE_WS_URL:-ws://$host:${MF_WS_ADAPTER_PORT:-8186}}
mqtt=${MF_FLUXGATE_MQTT_URL:-mqtt://$host:${MF_MQTT_ADAPTER_PORT:-1883}}
fluxgate=${FLUXGATE_BINARY:-$(dirname "$0")/../.build/release/fluxgate}

# What a sensor might send: SenML, a voltage and two earlier currents (RFC 8428).
senml='[{"bn":"some-base-name:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},{"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3}]'

# --- helpers ---------------------------------------------------------------------------------------------------------

received=$(mktemp -d) # What the subscribers write down.
certs=${FLUXGATE_SSL:+$FLUXGATE_SSL/certs/quickstart-$$} # What the files of things' certificates begin with.

# Ends the subscribers, however the script ends.
clean_up() {
    # shellcheck disable=SC2046
    kill $(jobs -p) 2>/dev/null || true
    rm -rf "$received" ${certs:+"$certs"-*}
}
trap clean_up EXIT

step() { printf '\n==> %s\n' "$*"; }

fail() {
    echo "FAILED: $*" >&2
    tail -n +1 "$received"/* >&2
    exit 1
}

# await <what> <command…>: tries the command until it succeeds, for ten seconds.
await() {
    local what=$1
    shift
    for _ in $(seq 200); do
        if "$@"; then return; fi
        sleep 0.05
    done
    fail "waited in vain for $what"
}

# has_lines <count> <file>
has_lines() { [ "$(wc -l <"$2")" -ge "$1" ]; }

# --- where the platform is, and whom to trust ------------------------------------------------------------------------

[ -z "${MF_FLUXGATE_CA_CERTS:-}" ] || export CURL_CA_BUNDLE=$MF_FLUXGATE_CA_CERTS
address=${mqtt#*://}
broker=(-h "${address%:*}" -p "${address##*:}")
case $mqtt in
    mqtts://*) broker+=(--cafile "${MF_FLUXGATE_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}") ;;
esac

# What a thing shows beside its key, where that is asked for.
make_certificate() { # make_certificate <name> <key>
    [ -z "$certs" ] || KEY=$2 make -s -C "$FLUXGATE_SSL" thing_cert CRT_FILE_NAME="quickstart-$$-$1"
}

# --- an account, things, a channel -----------------------------------------------------------------------------------

step "Open an account and log in: the answer is a token"
account=$(jq -n --arg email "quickstart-$$-$RANDOM@example.com" '{email: $email, password: "correct horse battery"}')
curl -fsS "$users/users" -H 'Content-Type: application/json' -d "$account"
token=$(curl -fsS "$users/tokens" -H 'Content-Type: application/json' -d "$account" | jq -r .token)

# Everything that follows is done with the token, in the name of the account.
provision() { # provision <path> <JSON>
    curl -fsS "$things$1" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "$2"
}

step "Make two things, a meter and a display; each has an id and a secret key"
made=$(provision /things/bulk '[{"name": "meter"}, {"name": "display"}]')
meter_id=$(jq -r '.things[0].id' <<<"$made")
meter_key=$(jq -r '.things[0].key' <<<"$made")
display_id=$(jq -r '.things[1].id' <<<"$made")
display_key=$(jq -r '.things[1].key' <<<"$made")
make_certificate meter "$meter_key"
make_certificate display "$display_key"
echo "meter $meter_id, display $display_id"

step "Make a channel and connect both to it: that is what lets them publish and receive there"
channel=$(provision /channels/bulk '[{"name": "power"}]' | jq -r '.channels[0].id')
provision /connect "$(jq -n --arg c "$channel" --arg a "$meter_id" --arg b "$display_id" \
    '{channel_ids: [$c], thing_ids: [$a, $b]}')"
echo "channel $channel"

# --- subscribers -----------------------------------------------------------------------------------------------------

step "The display listens over MQTT"
# -F %p prints the payload, one a line; -d tells when the subscription is there.
stdbuf -oL mosquitto_sub -d "${broker[@]}" -u "$display_id" -P "$display_key" \
    ${certs:+--cert "$certs-display.crt" --key "$certs-display.key"} \
    -t "channels/$channel/messages" -F 'message: %p' >"$received/mqtt.log" &
await "the MQTT subscription" grep -q ^Subscribed "$received/mqtt.log"

step "and over WebSocket"
export MF_FLUXGATE_CLIENT_CERT=${certs:+$certs-display.crt} MF_FLUXGATE_CLIENT_KEY=${certs:+$certs-display.key}
MF_THING_KEY=$display_key "$fluxgate" messages watch --channel "$channel" --url "$websocket" \
    >"$received/ws" 2>"$received/ws.log" &
await "the WebSocket" grep -q watching "$received/ws.log"

# --- three messages --------------------------------------------------------------------------------------------------

# What has arrived by now: one payload a line.
over_mqtt() { sed -n 's/^message: //p' "$received/mqtt.log"; }
both_have() { has_lines "$1" <(over_mqtt) && has_lines "$1" "$received/ws"; }

step "The meter publishes over MQTT"
mosquitto_pub "${broker[@]}" -u "$meter_id" -P "$meter_key" -t "channels/$channel/messages" -m "$senml" \
    ${certs:+--cert "$certs-meter.crt" --key "$certs-meter.key"}
await "the message from MQTT" both_have 1

step "over HTTP"
post() { # post <options and data of curl>
    curl -fsS "$publish/channels/$channel/messages" -H "Authorization: Thing $meter_key" \
        ${certs:+--cert "$certs-meter.crt" --key "$certs-meter.key"} "$@"
}
post -H 'Content-Type: application/senml+json' -d "$senml"
await "the message from HTTP" both_have 2

step "and over WebSocket"
export MF_FLUXGATE_CLIENT_CERT=${certs:+$certs-meter.crt} MF_FLUXGATE_CLIENT_KEY=${certs:+$certs-meter.key}
MF_THING_KEY=$meter_key "$fluxgate" messages send --channel "$channel" --url "$websocket" "$senml"
await "the message from WebSocket" both_have 3

# A last word: were one of the three delivered twice, it would have come before this.
post -d end
await "the last message" both_have 4

# --- what arrived ----------------------------------------------------------------------------------------------------

step "Compare what arrived with what was sent"
printf '%s\n' "$senml" "$senml" "$senml" end >"$received/expected"
cmp "$received/expected" <(over_mqtt) || fail "the MQTT subscriber got something else"
cmp "$received/expected" "$received/ws" || fail "the WebSocket subscriber got something else"
echo "Each of the three messages arrived at both subscribers, byte for byte, exactly once."
