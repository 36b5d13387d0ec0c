-- Times are microseconds since the Unix epoch. Ids are the 16 bytes of a UUIDv7, so new rows go to the right edge of every
-- table that they lead. Keys contain the tenant and do not start with it (engine rule E11). Hot tables have no foreign keys,
-- and their checks no IN lists: SQLite would build a temporary tree for each row.

-- What the database knows about itself: the sealed canary, how the last process ended, up to where totals are closed.
CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenants (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    plan TEXT NOT NULL,
    config_version INTEGER NOT NULL CHECK (config_version > 0),
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tenants_by_name ON tenants (name) WHERE deleted_at IS NULL;

-- The operator's tokens have no tenant. The hash is keyed; the secret itself is nowhere.
CREATE TABLE tokens (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BLOB,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    name TEXT NOT NULL,
    scopes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_tenant ON tokens (tenant, id);

-- status: 1 active, 2 paused, 3 disabled, 4 deleted (a tombstone, engine rule E15). sealed: encrypted secrets.
CREATE TABLE webhooks (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    shard INTEGER NOT NULL CHECK (shard BETWEEN 0 AND 255),
    status INTEGER NOT NULL CHECK (status BETWEEN 1 AND 4),
    disable_reason TEXT,
    config TEXT NOT NULL,
    sealed BLOB NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    CHECK ((status = 3) = (disable_reason IS NOT NULL)),
    CHECK ((status = 4) = (deleted_at IS NOT NULL))
) STRICT;
CREATE INDEX webhooks_by_tenant ON webhooks (tenant, id);

-- Every state that a webhook has had, by the tenant's configuration version (engine rule E21). Append-only.
CREATE TABLE revisions (
    webhook BLOB NOT NULL,
    version INTEGER NOT NULL,
    tenant BLOB NOT NULL,
    shard INTEGER NOT NULL,
    status INTEGER NOT NULL,
    disable_reason TEXT,
    config TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (webhook, version)
) STRICT;

-- Since when a webhook has had only failures; no row while it is healthy. Written on transitions only (engine rule E21).
CREATE TABLE webhook_health (
    webhook BLOB NOT NULL PRIMARY KEY,
    tenant BLOB NOT NULL,
    failing_since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The last position given out in an ordered webhook (engine rule E5).
CREATE TABLE webhook_positions (
    webhook BLOB NOT NULL PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Bytes as they came in. Large rows do not fit a WITHOUT ROWID tree, so events point here.
CREATE TABLE payloads (
    id INTEGER PRIMARY KEY,
    data BLOB NOT NULL,
    previous_data BLOB,
    metadata BLOB
) STRICT;

-- origin: 1 api, 2 operational.
CREATE TABLE events (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    payload INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    content_type TEXT NOT NULL,
    time INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    subject TEXT,
    origin INTEGER NOT NULL CHECK (origin BETWEEN 1 AND 2),
    config_version INTEGER NOT NULL,
    matched INTEGER NOT NULL,
    PRIMARY KEY (id, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_tenant ON events (tenant, id);

-- Hashes only. A key may be used anew once it has expired.
CREATE TABLE idempotency (
    tenant BLOB NOT NULL,
    key_hash BLOB NOT NULL,
    body_hash BLOB NOT NULL,
    event BLOB NOT NULL,
    matched INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, key_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

-- The queue. Exactly these two indexes (engine rule E9): a row without a due time is in one of them, any other in the other.
CREATE TABLE pending (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    event BLOB NOT NULL,
    webhook BLOB NOT NULL,
    shard INTEGER NOT NULL,
    position INTEGER NOT NULL,
    due_at INTEGER,
    attempts INTEGER NOT NULL,
    claims INTEGER NOT NULL,
    PRIMARY KEY (id, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_fresh ON pending (shard, webhook, position) WHERE due_at IS NULL;
CREATE INDEX pending_due ON pending (shard, webhook, due_at) WHERE due_at IS NOT NULL;

-- Finished deliveries. state: 1 delivered, 2 dead, 3 cancelled.
CREATE TABLE deliveries (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    event BLOB NOT NULL,
    webhook BLOB NOT NULL,
    shard INTEGER NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
    reason TEXT CHECK ((state = 1) = (reason IS NULL)),
    attempts INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    PRIMARY KEY (id, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_by_webhook ON deliveries (webhook, id);
CREATE INDEX deliveries_undelivered ON deliveries (tenant, state, id) WHERE state <> 1;

-- Deliveries whose id was not made in the same microsecond as their event's: redeliveries. All others are found by the
-- event's id, whose time they share, which saves both delivery tables an index by event.
CREATE TABLE later_deliveries (
    event BLOB NOT NULL,
    delivery BLOB NOT NULL,
    tenant BLOB NOT NULL,
    PRIMARY KEY (event, delivery)
) STRICT, WITHOUT ROWID;

-- outcome: 1 delivered, 2 refused, 3 timeout, 4 network, 5 blocked, 6 unsendable.
CREATE TABLE attempts (
    delivery BLOB NOT NULL,
    tenant BLOB NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    started_at INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    outcome INTEGER NOT NULL CHECK (outcome BETWEEN 1 AND 6),
    reason TEXT,
    status INTEGER,
    response BLOB,
    truncated INTEGER NOT NULL,
    PRIMARY KEY (delivery, tenant, number)
) STRICT, WITHOUT ROWID;

-- Sums over all rows with ids below meta.closed_before, purged ones included (engine rule E21).
CREATE TABLE totals (
    tenant BLOB NOT NULL PRIMARY KEY,
    events INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    cancelled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Work that makes new deliveries for old events; cursor and deliveries move only with the rows it makes (engine rule E16).
CREATE TABLE replays (
    id BLOB NOT NULL PRIMARY KEY,
    tenant BLOB NOT NULL,
    webhook BLOB NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    cursor BLOB,
    deliveries INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX replays_unfinished ON replays (id) WHERE finished_at IS NULL;
