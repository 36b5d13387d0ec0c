-- Webhooks that an outcome disabled, until the operational event of it is stored. Written in the outcome's transaction.
CREATE TABLE disablings (
    webhook UUID NOT NULL,
    version BIGINT NOT NULL,
    tenant UUID NOT NULL,
    reason TEXT NOT NULL,
    failing_since BIGINT,
    disabled_at BIGINT NOT NULL,
    delivery UUID NOT NULL,
    event UUID NOT NULL,
    attempt INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    outcome_reason TEXT,
    status INTEGER,
    PRIMARY KEY (webhook, version)
);

-- What each commit counted in a minute, until that minute's rollups are built (engine rule E21). counted: the tenants, their
-- webhooks and the sums of each.
CREATE TABLE counts (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    minute BIGINT NOT NULL,
    counted BYTEA NOT NULL
);

-- Sums of a webhook, or of all webhooks of a tenant, by minute since the Unix epoch. The subject is the id of either.
CREATE TABLE minute_rollups (
    minute BIGINT NOT NULL,
    subject UUID NOT NULL,
    sums BYTEA NOT NULL,
    PRIMARY KEY (minute, subject)
);

-- The same by hour; the minute is the hour's first.
CREATE TABLE hour_rollups (
    minute BIGINT NOT NULL,
    subject UUID NOT NULL,
    sums BYTEA NOT NULL,
    PRIMARY KEY (minute, subject)
);

-- Deliveries that another webhook gave up, and which delivery of it that was.
CREATE TABLE fallbacks (
    delivery UUID PRIMARY KEY,
    given_up UUID NOT NULL
);
