#!/bin/sh
# The naive way to keep an Edge's pin: ask the status endpoint, write what it says, restart.
# It is kinder than most of its kind: it remembers what it wrote, so that it does not restart
# the Edge at every turn, and it starts from the pin that stands in the file.
# Everything comes by the environment: HOST PORT IPS ROOTS CLIENT CONFIG RESTART INTERVAL.

url="https://$HOST:$PORT"
ask() {
    curl -s --cacert "$ROOTS" --resolve "$HOST:$PORT:$IPS" "$@"
}

last=$(jq -r .certificatePinning.fingerprint "$CONFIG")
while true; do
    token=$(ask -u "$CLIENT" -d grant_type=client_credentials "$url/oauth/token" | jq -r .access_token)
    new=$(ask -H "Authorization: Bearer $token" "$url/api/v1/security/status" | jq -r .certificateFingerprint)
    if [ "$new" != "$last" ]; then
        sed -i "s/\"fingerprint\": \"[^\"]*\"/\"fingerprint\": \"$new\"/" "$CONFIG"
        "$RESTART"
        last=$new
    fi
    sleep "$INTERVAL"
done
