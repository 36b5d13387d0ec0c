-- Limits of tenants, starts of rate-limited webhooks over an orderly restart, and broadcasts by the operator.

-- Events accepted, by tenant and UTC day (days since 1970), with ids below meta.closed_before; later ones speak for themselves,
-- as with totals. Operational events (origin 2) are nobody's use.
CREATE TABLE usage (
    tenant UUID NOT NULL,
    day BIGINT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (tenant, day)
);
CREATE INDEX usage_by_day ON usage (day);

-- Recent starts of webhooks that have a rate, each 8 bytes, oldest first; written at an orderly end, taken at the next start.
CREATE TABLE rate_starts (
    webhook UUID PRIMARY KEY,
    starts BYTEA NOT NULL
);

-- An event for each of many tenants; cursor and sums move only with the events. A key is kept with its broadcast.
CREATE TABLE broadcasts (
    id UUID PRIMARY KEY,
    event_type TEXT COLLATE "C" NOT NULL,
    data BYTEA NOT NULL,
    to_all BOOLEAN NOT NULL,
    tenants BIGINT NOT NULL,
    cursor UUID,
    events BIGINT NOT NULL,
    deliveries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    key_hash BYTEA UNIQUE,
    body_hash BYTEA,
    CHECK ((key_hash IS NULL) = (body_hash IS NULL))
);
CREATE INDEX broadcasts_unfinished ON broadcasts (id) WHERE finished_at IS NULL;

-- The tenants of a broadcast that is not to all.
CREATE TABLE broadcast_tenants (
    broadcast UUID NOT NULL,
    tenant UUID NOT NULL,
    PRIMARY KEY (broadcast, tenant)
);
