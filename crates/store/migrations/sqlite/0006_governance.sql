-- Limits of tenants, starts of rate-limited webhooks over an orderly restart, and broadcasts by the operator.

-- Events accepted, by tenant and UTC day (days since 1970), with ids below meta.closed_before; later ones speak for themselves,
-- as with totals. Operational events (origin 2) are nobody's use.
CREATE TABLE usage (
    tenant BLOB NOT NULL,
    day INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (tenant, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_day ON usage (day);
INSERT INTO usage (tenant, day, events)
SELECT tenant, accepted_at / 86400000000, count(*) FROM events
WHERE origin <> 2 AND id < coalesce((SELECT value FROM meta WHERE name = 'closed_before'), zeroblob(16)) GROUP BY 1, 2;

-- Recent starts of webhooks that have a rate, each 8 bytes, oldest first; written at an orderly end, taken at the next start.
CREATE TABLE rate_starts (
    webhook BLOB NOT NULL PRIMARY KEY,
    starts BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- An event for each of many tenants; cursor and sums move only with the events. A key is kept with its broadcast.
CREATE TABLE broadcasts (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    event_type TEXT NOT NULL,
    data BLOB NOT NULL,
    to_all INTEGER NOT NULL CHECK (to_all BETWEEN 0 AND 1),
    tenants INTEGER NOT NULL,
    cursor BLOB,
    events INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    key_hash BLOB UNIQUE,
    body_hash BLOB,
    CHECK ((key_hash IS NULL) = (body_hash IS NULL))
) STRICT;
CREATE INDEX broadcasts_unfinished ON broadcasts (id) WHERE finished_at IS NULL;

-- The tenants of a broadcast that is not to all.
CREATE TABLE broadcast_tenants (
    broadcast BLOB NOT NULL,
    tenant BLOB NOT NULL,
    PRIMARY KEY (broadcast, tenant)
) STRICT, WITHOUT ROWID;
