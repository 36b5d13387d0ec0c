-- Webhooks that an outcome disabled, until the operational event of it is stored. Written in the outcome's transaction.
CREATE TABLE disablings (
    webhook BLOB NOT NULL,
    version INTEGER NOT NULL,
    tenant BLOB NOT NULL,
    reason TEXT NOT NULL,
    failing_since INTEGER,
    disabled_at INTEGER NOT NULL,
    delivery BLOB NOT NULL,
    event BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    outcome_reason TEXT,
    status INTEGER,
    PRIMARY KEY (webhook, version)
) STRICT, WITHOUT ROWID;

-- What each commit counted in a minute, until that minute's rollups are built (engine rule E21). counted: the tenants, their
-- webhooks and the sums of each.
CREATE TABLE counts (
    seq INTEGER PRIMARY KEY,
    minute INTEGER NOT NULL,
    counted BLOB NOT NULL
) STRICT;

-- Sums of a webhook, or of all webhooks of a tenant, by minute since the Unix epoch. The subject is the id of either.
CREATE TABLE minute_rollups (
    minute INTEGER NOT NULL,
    subject BLOB NOT NULL,
    sums BLOB NOT NULL,
    PRIMARY KEY (minute, subject)
) STRICT, WITHOUT ROWID;

-- The same by hour; the minute is the hour's first.
CREATE TABLE hour_rollups (
    minute INTEGER NOT NULL,
    subject BLOB NOT NULL,
    sums BLOB NOT NULL,
    PRIMARY KEY (minute, subject)
) STRICT, WITHOUT ROWID;

-- Deliveries that another webhook gave up, and which delivery of it that was.
CREATE TABLE fallbacks (
    delivery BLOB NOT NULL PRIMARY KEY,
    given_up BLOB NOT NULL
) STRICT, WITHOUT ROWID;
