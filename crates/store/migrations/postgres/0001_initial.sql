-- Times are microseconds since the Unix epoch. Ids are UUIDv7 in the type of that name, which sorts as their bytes do, so new
-- rows go to the right edge of every table that they lead. Keys contain the tenant and do not start with it (engine rule E11).
-- Hot tables have no foreign keys (E18). Texts that people write are bytea: text holds no U+0000. Words and JSON are text, whose
-- order is that of its bytes.

-- What the database knows about itself: the sealed canary, how the last process ended, up to where totals are closed.
CREATE TABLE meta (
    name TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL
);

-- Which process owns which shard (engine rule E4): the node's UUID is the epoch.
CREATE TABLE nodes (
    node UUID PRIMARY KEY,
    lease_until BIGINT NOT NULL
);
CREATE TABLE shards (
    shard SMALLINT PRIMARY KEY CHECK (shard BETWEEN 0 AND 255),
    node UUID
);

CREATE TABLE tenants (
    id UUID PRIMARY KEY,
    name BYTEA NOT NULL,
    plan BYTEA NOT NULL,
    config_version BIGINT NOT NULL CHECK (config_version > 0),
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX tenants_by_name ON tenants (name) WHERE deleted_at IS NULL;

-- The operator's tokens have no tenant. The hash is keyed; the secret itself is nowhere.
CREATE TABLE tokens (
    id UUID PRIMARY KEY,
    tenant UUID,
    hash BYTEA NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    name BYTEA NOT NULL,
    scopes SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX tokens_by_tenant ON tokens (tenant, id);

-- status: 1 active, 2 paused, 3 disabled, 4 deleted (a tombstone, engine rule E15). sealed: encrypted secrets.
CREATE TABLE webhooks (
    id UUID PRIMARY KEY,
    tenant UUID NOT NULL,
    shard SMALLINT NOT NULL CHECK (shard BETWEEN 0 AND 255),
    status SMALLINT NOT NULL CHECK (status BETWEEN 1 AND 4),
    disable_reason TEXT,
    config TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    CHECK ((status = 3) = (disable_reason IS NOT NULL)),
    CHECK ((status = 4) = (deleted_at IS NOT NULL))
);
CREATE INDEX webhooks_by_tenant ON webhooks (tenant, id);

-- Every state that a webhook has had, by the tenant's configuration version (engine rule E21). Append-only.
CREATE TABLE revisions (
    webhook UUID NOT NULL,
    version BIGINT NOT NULL,
    tenant UUID NOT NULL,
    shard SMALLINT NOT NULL,
    status SMALLINT NOT NULL,
    disable_reason TEXT,
    config TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (webhook, version)
);

-- Since when a webhook has had only failures; no row while it is healthy. Written on transitions only (engine rule E21).
CREATE TABLE webhook_health (
    webhook UUID PRIMARY KEY,
    tenant UUID NOT NULL,
    failing_since BIGINT NOT NULL
);

-- The last position given out in an ordered webhook (engine rule E5).
CREATE TABLE webhook_positions (
    webhook UUID PRIMARY KEY,
    last BIGINT NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000, autovacuum_vacuum_cost_delay = 0);

-- Bytes as they came in, one row per event. Append-only; not compressed, because it is read as often as it is written.
CREATE TABLE payloads (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    data BYTEA NOT NULL,
    previous_data BYTEA,
    metadata BYTEA,
    PRIMARY KEY (id, tenant)
);
ALTER TABLE payloads ALTER data SET STORAGE EXTERNAL, ALTER previous_data SET STORAGE EXTERNAL;

-- origin: 1 api, 2 operational.
CREATE TABLE events (
    time BIGINT NOT NULL,
    accepted_at BIGINT NOT NULL,
    config_version BIGINT NOT NULL,
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    matched INTEGER NOT NULL,
    origin SMALLINT NOT NULL CHECK (origin BETWEEN 1 AND 2),
    event_type TEXT COLLATE "C" NOT NULL,
    content_type TEXT NOT NULL,
    subject BYTEA,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX events_by_tenant ON events (tenant, id);

-- Hashes only. A key may be used anew once it has expired.
CREATE TABLE idempotency (
    tenant UUID NOT NULL,
    key_hash BYTEA NOT NULL,
    body_hash BYTEA NOT NULL,
    event UUID NOT NULL,
    matched INTEGER NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, key_hash)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

-- The queue. Exactly these two indexes beside the key (engine rule E9): a row without a due time is in one of them, any other in
-- the other. Rows live for a moment, so the table is mostly what was deleted (E18).
CREATE TABLE pending (
    position BIGINT NOT NULL,
    due_at BIGINT,
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    event UUID NOT NULL,
    webhook UUID NOT NULL,
    attempts INTEGER NOT NULL,
    shard SMALLINT NOT NULL,
    claims SMALLINT NOT NULL,
    PRIMARY KEY (id, tenant)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
CREATE INDEX pending_fresh ON pending (shard, webhook, position, id) WHERE due_at IS NULL;
CREATE INDEX pending_due ON pending (shard, webhook, due_at, id) WHERE due_at IS NOT NULL;

-- Finished deliveries. state: 1 delivered, 2 dead, 3 cancelled.
CREATE TABLE deliveries (
    finished_at BIGINT NOT NULL,
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    event UUID NOT NULL,
    webhook UUID NOT NULL,
    attempts INTEGER NOT NULL,
    shard SMALLINT NOT NULL,
    state SMALLINT NOT NULL CHECK (state BETWEEN 1 AND 3),
    reason TEXT CHECK ((state = 1) = (reason IS NULL)),
    PRIMARY KEY (id, tenant)
);
CREATE INDEX deliveries_by_webhook ON deliveries (webhook, id);
CREATE INDEX deliveries_undelivered ON deliveries (tenant, state, id) WHERE state <> 1;

-- Deliveries whose id was not made in the same microsecond as their event's: redeliveries. All others are found by the
-- event's id, whose time they share, which saves both delivery tables an index by event.
CREATE TABLE later_deliveries (
    event UUID NOT NULL,
    delivery UUID NOT NULL,
    tenant UUID NOT NULL,
    PRIMARY KEY (event, delivery)
);

-- outcome: 1 delivered, 2 refused, 3 timeout, 4 network, 5 blocked, 6 unsendable.
CREATE TABLE attempts (
    started_at BIGINT NOT NULL,
    duration_us BIGINT NOT NULL,
    delivery UUID NOT NULL,
    tenant UUID NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    outcome SMALLINT NOT NULL CHECK (outcome BETWEEN 1 AND 6),
    status INTEGER,
    truncated BOOLEAN NOT NULL,
    reason TEXT,
    response BYTEA,
    PRIMARY KEY (delivery, tenant, number)
);

-- Sums over all rows with ids below meta.closed_before, purged ones included (engine rule E21).
CREATE TABLE totals (
    tenant UUID PRIMARY KEY,
    events BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    dead BIGINT NOT NULL,
    cancelled BIGINT NOT NULL
);

-- Work that makes new deliveries for old events; cursor and deliveries move only with the rows it makes (engine rule E16).
CREATE TABLE replays (
    id UUID PRIMARY KEY,
    tenant UUID NOT NULL,
    webhook UUID NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    cursor UUID,
    deliveries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX replays_unfinished ON replays (id) WHERE finished_at IS NULL;
