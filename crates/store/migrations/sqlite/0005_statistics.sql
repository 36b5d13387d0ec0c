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
