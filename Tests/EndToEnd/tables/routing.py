"""Contract 0.1 with our decisions: the rules that all HTTP listeners share. No part of the OpenAPI files."""

from tables.case import Case, table

ROUTING = [
    *table(
        "routing", "users", Case("unknown path", 404, operation="GET /nothing"),
        Case("path of another service", 404, operation="GET /things"),
        Case("another method", 405, operation="PATCH /users", answers={"Allow": ".*GET.*"}),
        Case("GET of a POST route", 405, operation="GET /tokens", answers={"Allow": ".*POST.*"}),
        Case("made-up method", 400, operation="BREW /users"), Case("HEAD like GET", 200, operation="HEAD /users"),
        Case("trailing slash", 308, operation="GET /users/", answers={"Location": "/users"}),
        Case("trailing slash, POST", 308, operation="POST /tokens/", answers={"Location": "/tokens"}),
        Case("trailing slash keeps the query", 308, operation="GET /users/", query="a=b", answers={"Location": r"/users\?a=b"}),
        Case("version", 200, operation="GET /version", shows={"service": "users"}, answers={"Content-Type": "application/json"}),
        token="$token",
    ),
    *table(
        "routing", "things", Case("unknown path", 404, operation="GET /nothing"),
        Case("too long a path", 404, operation="GET /things/$thing/channels/$channel"),
        Case("another method", 405, operation="DELETE /things", answers={"Allow": ".*GET.*"}),
        Case("another method below an id", 405, operation="POST /things/$thing", answers={"Allow": ".*PUT.*"}),
        Case("another method on connect", 405, operation="GET /connect", answers={"Allow": ".*POST.*"}),
        Case("HEAD like GET", 200, operation="HEAD /things/$thing"), Case("HEAD of nothing", 404, operation="HEAD /things/$unknown"),
        Case("trailing slash", 308, operation="GET /things/$thing/", answers={"Location": "/things/$thing"}),
        Case("trailing slash, POST", 308, operation="POST /connect/", answers={"Location": "/connect"}),
        Case("empty id", 400, operation="GET /things/"), Case("empty channel id", 400, operation="GET /channels/"),
        Case("two slashes do not lead to another host", 404, operation="GET //example.com/"),
        Case("version", 200, operation="GET /version", shows={"service": "things"}, answers={"Content-Type": "application/json"}),
        token="$token",
    ),
    *table(
        "routing", "auth", Case("unknown path", 404, operation="POST /nothing"),
        Case("the access path of old", 404, operation="POST /channels/$channel/access"),
        Case("another method", 405, operation="GET /identify", answers={"Allow": ".*POST.*"}),
    ),
    *table(
        "routing", "ops", Case("alive", 200, operation="GET /health/live"), Case("ready", 200, operation="GET /health/ready"),
        Case("metrics", 200, operation="GET /metrics", answers={"Content-Type": "text/plain.*"}),
        Case("version", 200, operation="GET /version"), Case("unknown path", 404, operation="GET /nothing"),
    ),
]
